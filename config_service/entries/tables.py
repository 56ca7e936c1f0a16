"""The statements that write entries and their history: one a table, whatever the number of rows.

Both take the same rows: an entry is written with the last of its changes.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from consensus.rows import RowType, bigints, booleans, same_texts, texts, times
from consensus.sql import TextArray

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
SELECT entry_id, namespace, key, value, type, revision, created_revision, version, at, actor, comment, expires_at
FROM unnest(%s::entries_change_row[]) WHERE stands
ON CONFLICT (namespace_id, key) DO UPDATE SET
  id = excluded.id, value = excluded.value, type = excluded.type, revision = excluded.revision,
  created_revision = excluded.created_revision, version = excluded.version, updated_at = excluded.updated_at,
  updated_by = excluded.updated_by, comment = excluded.comment, expires_at = excluded.expires_at
"""
_APPEND = """
INSERT INTO entries_entryrevision (id, namespace, key, value, type, revision, created_revision, version, at,
                                   actor, comment, expires_at, operation)
SELECT id, namespace, key, value, type, revision, created_revision, version, at, actor, comment, expires_at, operation
FROM unnest(%s::entries_change_row[])
"""
_DELETE = """
DELETE FROM entries_configentry e USING unnest(%s::text[], %s::text[]) AS gone (namespace, key)
WHERE e.namespace_id = gone.namespace AND e.key = gone.key
"""
CHANGE_ROW = RowType(
    "entries_change_row", *[bigints] * 2, same_texts, texts, texts, same_texts, *[bigints] * 3,
    times, same_texts, same_texts, times, same_texts, booleans,
)  # fmt: skip

Key = tuple[str, str]
Run = Callable[..., object]


class Change(NamedTuple):
    """One change, as it stands in history. ``entry_id`` is the entry's own; ``expires_at`` is "" for never."""

    id: int
    entry_id: int
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


def write_changes(run: Run, changes: Collection[Change], standing: Collection[int]) -> None:
    """Append all to history; those whose ids are ``standing`` become what their entries are."""
    rows = CHANGE_ROW.of([(*change, change.id in standing) for change in changes])
    if standing:
        run(_UPSERT, rows)
    run(_APPEND, rows)


def delete_entries(run: Run, keys: Collection[Key]) -> None:
    run(_DELETE, TextArray([key[0] for key in keys]), TextArray([key[1] for key in keys]))
