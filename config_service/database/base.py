"""A Postgres that hangs must not hang those who ask it.

Postgres' own timeouts are kept by the server, which is what hangs; the kernel goes on acknowledging for it, so TCP
notices nothing either. So the wait itself ends. What the server was doing is not known then: the connection is closed.
"""

from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from psycopg.errors import _WaitTimeout

# In seconds; None: as long as it takes. Set by the web process: a node's worker may have much to apply.
answer_timeout_s: float | None = None


class BoundedConnection(psycopg.Connection):
    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, answer_timeout_s if timeout is None else timeout)
        except _WaitTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError("Postgres does not answer") from error


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> BoundedConnection:
        self.isolation_level = IsolationLevel.READ_COMMITTED
        return BoundedConnection.connect(**conn_params)
