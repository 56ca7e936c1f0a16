"""Changes of entries read from this node's Postgres: in order, complete, and only whole revisions.

One statement reads how far the node has applied together with the changes, so both come from one snapshot: what is not
in a page that ends at the applied revision does not exist.
"""

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from django.db import connection as django_connection

from config_service.entries.models import IDS_PER_REVISION
from config_service.entries.snapshots import ChangeSnapshot, EntrySnapshot

PAGE_CHANGES = 1000
PAGE_BYTES = 4 * 1024 * 1024
QUERY_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 3

# Times as `time_text` writes them: far cheaper than by way of a Python object.
_TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_AT, _UPDATED_AT, _EXPIRES_AT = map(_TIME.format, ("at", "updated_at", "expires_at"))
_PAGE = f"""
SELECT head.*, r.* FROM (
  SELECT COALESCE((SELECT index FROM consensus_appliedstate), 0),
         COALESCE((SELECT revision FROM accounts_accountsstate), 0),
         COALESCE((SELECT oldest_revision FROM entries_historyreach), 0),
         COALESCE((SELECT max(id) FROM entries_entryrevision), 0)
) AS head (applied, accounts, oldest, last_id) LEFT JOIN LATERAL (
  SELECT id, namespace, key, revision, operation, value, type, created_revision, version, {_AT}, actor, comment,
         {_EXPIRES_AT}
  FROM (SELECT *, sum(octet_length(value)) OVER (ORDER BY id) - octet_length(value) AS before
        FROM (SELECT * FROM entries_entryrevision WHERE id > %s::bigint ORDER BY id LIMIT %s::bigint) AS next) AS sized
  WHERE before < %s::bigint ORDER BY id
) AS r ON true
"""
_ENTRIES = f"""
SELECT namespace_id, key, value, type, revision, created_revision, version, {_UPDATED_AT}, updated_by, comment,
       {_EXPIRES_AT}
FROM entries_configentry ORDER BY revision DESC
"""


class Head(NamedTuple):
    """How far this node is. ``oldest`` is the first revision after which every change is still there."""

    applied: int
    accounts: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Page:
    """``reached`` is the id up to which nothing is missing; ``more`` tells whether there was something after it."""

    head: Head
    changes: list[ChangeSnapshot]
    reached: int
    more: bool


def end_of(revision: int) -> int:
    """The position after all changes of ``revision``: greater than each of their ids, less than the next's."""
    return (revision + 1) * IDS_PER_REVISION - 1


class ChangeReader:
    """One connection, one question at a time. After an error the next question opens a new connection."""

    def __init__(self) -> None:
        self._connection: psycopg.AsyncConnection | None = None
        self._lock = asyncio.Lock()

    async def page(self, after: int) -> Page:
        """What came after the id ``after``. Raises `psycopg.Error`, `OSError` or `TimeoutError`."""
        limit, most_bytes = PAGE_CHANGES, PAGE_BYTES
        while True:
            page = _whole_revisions(await self._rows(_PAGE, (after, limit, most_bytes)), after)
            if page is not None:
                return page
            # One transaction is larger than a page: it is told as a whole all the same.
            limit, most_bytes = limit * 4, most_bytes * 4

    async def _rows(self, sql: str, parameters: tuple) -> list[tuple]:
        async with self._lock:
            try:
                async with asyncio.timeout(QUERY_TIMEOUT_S):
                    connection = await self._connected()
                    return await (await connection.execute(sql, parameters)).fetchall()
            except BaseException:
                await self.close()
                raise

    async def entries(self, chunk: int = 500):
        """Every entry of one snapshot, latest changes first: a `Head`, then lists of rows."""
        async with self._lock:
            try:
                connection = await self._connected()
                async with connection.transaction():
                    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    head = await (await connection.execute(_PAGE, (0, 0, 0))).fetchone()
                    yield Head(*head[:3])
                    async with connection.cursor("entries") as cursor:
                        await cursor.execute(_ENTRIES)
                        while rows := await cursor.fetchmany(chunk):
                            yield [EntrySnapshot(*row) for row in rows]
            except BaseException:
                await self.close()
                raise

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(**_parameters(), autocommit=True)
            self._connection.prepare_threshold = 1
        return self._connection

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _parameters() -> dict[str, object]:
    """As Django connects, to the same database."""
    settings = django_connection.settings_dict
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    found = {name: settings[key] for name, key in named.items() if settings[key]}
    return found | {"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "follower"}


def _whole_revisions(rows: list[tuple], after: int) -> Page | None:
    """The page without the revision that it may have cut in two; None where that would leave nothing."""
    applied, accounts, oldest, last_id = rows[0][:4]
    head = Head(applied, accounts, oldest)
    changes = [ChangeSnapshot(*row[4:]) for row in rows if row[4] is not None]
    last = changes[-1].id if changes else after
    if not changes or last >= last_id:
        return Page(head, changes, max(end_of(applied), after), False)
    cut = changes[-1].revision
    whole = [change for change in changes if change.revision != cut]
    if not whole:
        return None
    return Page(head, whole, end_of(whole[-1].revision), True)
