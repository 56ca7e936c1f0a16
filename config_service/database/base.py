"""A Postgres that hangs must not hang those who ask it.

Postgres' own timeouts are kept by the server, which is what hangs; the kernel goes on acknowledging for it, so TCP
notices nothing either. So the wait itself ends. What the server was doing is not known then: the connection is closed.
"""

import time
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from psycopg.errors import _WaitTimeout
from psycopg.waiting import Ready

# In seconds; None: as long as it takes. Set by the web process: a node's worker may have much to apply.
answer_timeout_s: float | None = None
# Who finds it hanging finds out for all: for so long nobody connects to it, and until somebody gets an answer nobody
# waits for one longer than this. So a request waits once.
QUIET_S = DOUBTFUL_S = 1.0
_NEVER = float("-inf")
_gave_up_s = _NEVER


class BoundedConnection(psycopg.Connection):
    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        limit_s = answer_timeout_s if timeout is None else timeout
        if limit_s is not None and _gave_up_s != _NEVER:
            gen, limit_s = _noticing_an_answer(gen), min(limit_s, DOUBTFUL_S)
        try:
            return super().wait(gen, interval, limit_s)
        except _WaitTimeout as error:
            self.pgconn.finish()
            _note_gave_up(time.monotonic())
            raise psycopg.OperationalError("Postgres does not answer") from error


def _noticing_an_answer(gen: Any) -> Any:
    """``gen``, which yields what it waits for. Ending well is no answer by itself: a rollback with nothing to roll back
    asks nobody."""
    heard = False
    try:
        waits_for = next(gen)
        while True:
            ready = yield waits_for
            heard = heard or bool(ready & Ready.R)
            waits_for = gen.send(ready)
    except StopIteration as end:
        if heard:
            _note_gave_up(_NEVER)
        return end.value


def _note_gave_up(at_s: float) -> None:
    global _gave_up_s
    _gave_up_s = at_s


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> BoundedConnection:
        self.isolation_level = IsolationLevel.READ_COMMITTED
        if answer_timeout_s is not None and time.monotonic() - _gave_up_s < QUIET_S:
            raise psycopg.OperationalError("Postgres did not answer just now")
        try:
            return BoundedConnection.connect(**conn_params)
        except psycopg.errors.ConnectionTimeout:
            _note_gave_up(time.monotonic())
            raise
