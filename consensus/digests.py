"""Digests of the replicated tables as they are at one applied index (implements `ports.Digests`).

Each table's is the sum of its rows' hashes, which Postgres makes: it does not depend on where rows lie, nothing of them
leaves the server, and 300,000 rows take about a second of processor time. It tells tables apart that differ by accident
or by a hand in the wrong database; it is no proof against somebody who looks for rows of the same sum.

What is read is a snapshot of Postgres (REPEATABLE READ) that is opened just when that index was applied. The node's
thread waits for that moment only, a few milliseconds; the reading is done beside it while applying goes on.
"""

import logging
import threading
from collections.abc import Sequence
from hashlib import blake2b

import psycopg

from consensus.images import OWN_TABLES, columns_of, query_of, snapshot_of_tables
from consensus.ports import ReplicatedTable
from consensus.wire import TableDigest, TablesDigest

logger = logging.getLogger(__name__)

# If the snapshot cannot be opened in this time, there is no digest of this index.
OPEN_S = 1.0
SUMS = """
SELECT count(*), sum(('x' || left(hash, 16))::bit(64)::bigint), sum(('x' || right(hash, 16))::bit(64)::bigint)
FROM (SELECT md5(line::text) AS hash FROM ({rows}) AS line) AS lines
"""
MIGRATIONS = "SELECT app, name FROM django_migrations ORDER BY app, name"


class PostgresDigests:
    """Works in a thread and on a connection of its own."""

    def __init__(self, dsn: str, tables: Sequence[ReplicatedTable]):
        self._dsn = dsn
        self._tables = (*OWN_TABLES, *tables)
        self._thread: threading.Thread | None = None
        self._done: TablesDigest | None = None

    def begin(self, index: int) -> None:
        if self._thread is not None and self._thread.is_alive():
            logger.warning("no digest at %d: the last one is still being made", index)
            return
        opened = threading.Event()
        self._thread = threading.Thread(target=self._make, args=(index, opened), name="digest", daemon=True)
        self._thread.start()
        opened.wait(OPEN_S)

    def take(self) -> TablesDigest | None:
        done, self._done = self._done, None
        return done

    def _make(self, index: int, opened: threading.Event) -> None:
        try:
            with psycopg.connect(self._dsn, connect_timeout=3) as connection, snapshot_of_tables(connection) as found:
                opened.set()
                if found == index:
                    self._done = digest(connection, index, self._tables)
                else:
                    logger.warning("no digest at %d: the tables were at %d already", index, found)
        except (psycopg.Error, OSError) as error:
            logger.warning("no digest of the tables could be made: %s", str(error).strip())
        finally:
            opened.set()


def digest(connection: psycopg.Connection, index: int, tables: Sequence[ReplicatedTable]) -> TablesDigest:
    """Of what the connection's transaction sees. ``layout`` is the same only on nodes of the same migrations."""
    layout = blake2b(repr(connection.execute(MIGRATIONS).fetchall()).encode(), digest_size=16)
    found = []
    for table in tables:
        columns = columns_of(connection, table)
        layout.update(repr((table.name, columns)).encode())
        sums = connection.execute(SUMS.format(rows=query_of(table, columns))).fetchone()
        found.append(TableDigest(table.name, blake2b(repr(sums).encode(), digest_size=16).digest()))
    return TablesDigest(index, layout.digest(), tuple(found))
