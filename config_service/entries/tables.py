"""The statements that write entries and their history: one a table, whatever the number of rows."""

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from consensus.sql import BigintArray, TextArray

SELECT_ROWS = """
SELECT e.namespace_id, e.key, e.id, e.revision, e.created_revision, e.version, e.type
FROM unnest(%s::text[], %s::text[]) AS wanted (namespace, key)
JOIN entries_configentry e ON e.namespace_id = wanted.namespace AND e.key = wanted.key
"""
SELECT_VALUES = """
SELECT e.namespace_id, e.key, e.value
FROM unnest(%s::text[], %s::text[]) AS wanted (namespace, key)
JOIN entries_configentry e ON e.namespace_id = wanted.namespace AND e.key = wanted.key
"""
_UPSERT = """
INSERT INTO entries_configentry (id, namespace_id, key, value, type, revision, created_revision, version, updated_at,
                                 updated_by, comment, expires_at)
SELECT n.id, n.namespace, n.key, n.value, n.type, n.revision, n.created_revision, n.version, n.at::timestamptz,
       n.actor, n.comment, nullif(n.expires_at, '')::timestamptz
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::text[], %s::text[], %s::text[], %s::text[])
  AS n (id, namespace, key, value, type, revision, created_revision, version, at, actor, comment, expires_at)
ON CONFLICT (namespace_id, key) DO UPDATE SET
  id = excluded.id, value = excluded.value, type = excluded.type, revision = excluded.revision,
  created_revision = excluded.created_revision, version = excluded.version, updated_at = excluded.updated_at,
  updated_by = excluded.updated_by, comment = excluded.comment, expires_at = excluded.expires_at
"""
_APPEND = """
INSERT INTO entries_entryrevision (id, namespace, key, value, type, revision, created_revision, version, at,
                                   actor, comment, expires_at, operation)
SELECT n.id, n.namespace, n.key, n.value, n.type, n.revision, n.created_revision, n.version, n.at::timestamptz,
       n.actor, n.comment, nullif(n.expires_at, '')::timestamptz, n.operation
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
  AS n (id, namespace, key, value, type, revision, created_revision, version, at, actor, comment, expires_at, operation)
"""
_DELETE = """
DELETE FROM entries_configentry e USING unnest(%s::text[], %s::text[]) AS gone (namespace, key)
WHERE e.namespace_id = gone.namespace AND e.key = gone.key
"""
_ENTRY_TYPES = (BigintArray, *[TextArray] * 4, *[BigintArray] * 3, *[TextArray] * 4)

Key = tuple[str, str]
Run = Callable[..., object]


class EntryColumns(NamedTuple):
    """An entry as it is written: the columns of both tables. ``expires_at`` is "" for never."""

    id: int
    namespace: str
    key: str
    value_json: str
    type: str
    revision: int
    created_revision: int
    version: int
    at: str
    actor: str
    comment: str
    expires_at: str


class ChangeColumns(NamedTuple):
    """The same, as a change in history."""

    id: int
    namespace: str
    key: str
    value_json: str
    type: str
    revision: int
    created_revision: int
    version: int
    at: str
    actor: str
    comment: str
    expires_at: str
    operation: str


def upsert_entries(run: Run, rows: Iterable[EntryColumns]) -> None:
    run(_UPSERT, *(kind(column) for kind, column in zip(_ENTRY_TYPES, zip(*rows, strict=True), strict=True)))


def delete_entries(run: Run, keys: Collection[Key]) -> None:
    run(_DELETE, TextArray([key[0] for key in keys]), TextArray([key[1] for key in keys]))


def append_changes(run: Run, rows: Iterable[ChangeColumns]) -> None:
    types = (*_ENTRY_TYPES, TextArray)
    run(_APPEND, *(kind(column) for kind, column in zip(types, zip(*rows, strict=True), strict=True)))
