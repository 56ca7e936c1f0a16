"""The only writer of namespaces and entries.

A batch costs one read (none where all its entries are remembered) and one write, however many commands it holds:
decisions are made in memory over `_Row` and written at the end. No ORM here, since this path bounds the throughput of
the whole group; psycopg's own cursor prepares the statements, which Django's does not.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from config_service.entries.commands import DeleteEntry, DeleteNamespace, EntriesCommand, PutEntry, PutNamespace
from config_service.entries.models import IDS_PER_REVISION
from config_service.entries.validation import type_to_keep
from config_service.envelope import Done, Refusal
from consensus.sql import BigintArray, TextArray, begin, execute, write

_REMEMBERED = 50_000

_SELECT = """
SELECT e.namespace_id, e.key, e.id, e.revision, e.created_revision, e.version, e.type
FROM unnest(%s::text[], %s::text[]) AS wanted (namespace, key)
JOIN entries_configentry e ON e.namespace_id = wanted.namespace AND e.key = wanted.key
"""
_UPSERT = """
INSERT INTO entries_configentry
  (id, namespace_id, key, value, type, revision, created_revision, version, updated_at, updated_by, comment)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[],
                     %s::bigint[], %s::text[]::timestamptz[], %s::text[], %s::text[])
ON CONFLICT (namespace_id, key) DO UPDATE SET
  id = excluded.id, value = excluded.value, type = excluded.type, revision = excluded.revision,
  created_revision = excluded.created_revision, version = excluded.version, updated_at = excluded.updated_at,
  updated_by = excluded.updated_by, comment = excluded.comment
"""
_UPSERT_TYPES = (BigintArray, *[TextArray] * 4, *[BigintArray] * 3, *[TextArray] * 3)
_DELETE = """
DELETE FROM entries_configentry e USING unnest(%s::text[], %s::text[]) AS gone (namespace, key)
WHERE e.namespace_id = gone.namespace AND e.key = gone.key
"""
_PUT_NAMESPACE = """
INSERT INTO entries_namespace (name, description, revision, created_revision, updated_at, updated_by)
VALUES (%s, %s, %s::bigint, %s::bigint, %s::timestamptz, %s)
ON CONFLICT (name) DO UPDATE SET description = excluded.description, revision = excluded.revision,
  updated_at = excluded.updated_at, updated_by = excluded.updated_by
"""

Key = tuple[str, str]


@dataclass(slots=True)
class _Row:
    """What deciding needs to know of an entry that exists."""

    id: int
    revision: int
    created_revision: int
    version: int
    type: str


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a batch with its envelope and its revision."""

    revision: int
    actor: str
    at: str
    command: EntriesCommand


class EntriesStateMachine:
    """Applies batches of commands. What it remembers is a copy of the tables: `reset` when that may no longer hold."""

    def __init__(self) -> None:
        self._rows: OrderedDict[Key, _Row | None] = OrderedDict()
        self._namespaces: dict[str, int] | None = None

    def reset(self) -> None:
        self._rows.clear()
        self._namespaces = None

    def apply(self, steps: Sequence[Step]) -> list[Done | Refusal]:
        """In the caller's transaction; the results are in the order of ``steps``."""
        batch = _Batch(self._rows, self._known_namespaces())
        batch.load(
            {(s.command.namespace, s.command.key) for s in steps if isinstance(s.command, PutEntry | DeleteEntry)}
        )
        results = [batch.apply(step) for step in steps]
        batch.flush(write)
        while len(self._rows) > _REMEMBERED:
            self._rows.popitem(last=False)
        return results

    def _known_namespaces(self) -> dict[str, int]:
        """Every namespace with its first revision. There are few, so all are kept."""
        if self._namespaces is None:
            rows = execute("SELECT name, created_revision FROM entries_namespace").fetchall()
            self._namespaces = dict(rows)
        return self._namespaces


class _Batch:
    """The overlay of one batch: what it has decided, and what of that is not written yet."""

    def __init__(self, rows: OrderedDict[Key, _Row | None], namespaces: dict[str, int]):
        self._rows = rows
        self._namespaces = namespaces
        self._written: dict[Key, Step] = {}
        self._deleted: set[Key] = set()

    def load(self, keys: set[Key]) -> None:
        """Make ``self._rows`` know every one of ``keys``, None for those that do not exist."""
        rows = self._rows
        missing = [key for key in keys if key not in rows]
        for key in keys:
            if key in rows:
                rows.move_to_end(key)
        if not missing:
            return
        rows.update(dict.fromkeys(missing))
        found = execute(_SELECT, TextArray([key[0] for key in missing]), TextArray([key[1] for key in missing]))
        for namespace, name, *columns in found.fetchall():
            rows[namespace, name] = _Row(*columns)

    def apply(self, step: Step) -> Done | Refusal:
        match step.command:
            case PutEntry() as command:
                return self._put(step, command)
            case DeleteEntry() as command:
                return self._delete(step, command)
            case PutNamespace() as command:
                return self._put_namespace(step, command)
            case DeleteNamespace() as command:
                return self._delete_namespace(step, command)

    def _put(self, step: Step, command: PutEntry) -> Done | Refusal:
        if command.namespace not in self._namespaces:
            return _no_namespace(command.namespace)
        key = (command.namespace, command.key)
        row = self._rows[key]
        if refusal := _precondition(command, row):
            return refusal
        revision = step.revision
        if created := row is None:
            row = _Row(revision * IDS_PER_REVISION, revision, revision, 1, command.type)
        else:
            kind = command.type if command.type_given else type_to_keep(row.type, command.type)
            row = _Row(row.id, revision, row.created_revision, row.version + 1, kind)
        self._rows[key] = row
        self._written[key] = step
        self._deleted.discard(key)
        return Done(revision, created, row.created_revision, row.version, row.type, step.at)

    def _delete(self, step: Step, command: DeleteEntry) -> Done | Refusal:
        if command.namespace not in self._namespaces:
            return _no_namespace(command.namespace)
        key = (command.namespace, command.key)
        row = self._rows[key]
        if row is None and (command.must_exist or command.expected_revision is not None):
            return Refusal("precondition_failed", "the entry does not exist")
        if row is None:
            return Refusal("not_found", f"there is no entry {command.key!r} in namespace {command.namespace!r}")
        if command.expected_revision is not None and command.expected_revision != row.revision:
            return _stale(command.expected_revision, row.revision)
        self._rows[key] = None
        self._written.pop(key, None)
        self._deleted.add(key)
        return Done(step.revision, at=step.at)

    def _put_namespace(self, step: Step, command: PutNamespace) -> Done | Refusal:
        created = command.name not in self._namespaces
        if command.must_not_exist and not created:
            return Refusal("already_exists", f"there is a namespace {command.name!r} already")
        begin()
        first = self._namespaces.setdefault(command.name, step.revision)
        execute(_PUT_NAMESPACE, command.name, command.description, step.revision, first, step.at, step.actor)
        return Done(step.revision, created, first, at=step.at)

    def _delete_namespace(self, step: Step, command: DeleteNamespace) -> Done | Refusal:
        if command.name not in self._namespaces:
            return _no_namespace(command.name)
        begin()
        self.flush(execute)
        held = execute("SELECT 1 FROM entries_configentry WHERE namespace_id = %s LIMIT 1", command.name).fetchone()
        if held:
            return Refusal("namespace_not_empty", f"namespace {command.name!r} still holds entries")
        execute("DELETE FROM entries_namespace WHERE name = %s", command.name)
        del self._namespaces[command.name]
        return Done(step.revision, at=step.at)

    def flush(self, run: Callable[..., object]) -> None:
        """Write what was decided. A key is in at most one of the two sets, so their order does not matter.

        ``run`` is `write`, which may wait for the commit, or `execute`, where the batch reads what it has written.
        """
        if self._deleted:
            gone = list(self._deleted)
            run(_DELETE, TextArray([key[0] for key in gone]), TextArray([key[1] for key in gone]))
            self._deleted.clear()
        if self._written:
            columns = zip(*(self._columns(key, step) for key, step in self._written.items()), strict=True)
            run(_UPSERT, *(kind(column) for kind, column in zip(_UPSERT_TYPES, columns, strict=True)))
            self._written.clear()

    def _columns(self, key: Key, step: Step) -> tuple[object, ...]:
        row, command = self._rows[key], step.command
        return (
            row.id, *key, command.value_json, row.type, row.revision, row.created_revision, row.version,
            step.at, step.actor, command.comment,
        )  # fmt: skip


def _precondition(command: PutEntry, row: _Row | None) -> Refusal | None:
    if command.must_not_exist and row is not None:
        return Refusal("precondition_failed", "the entry exists already", row.revision)
    if command.must_exist and row is None:
        return Refusal("precondition_failed", "the entry does not exist")
    expected = command.expected_revision
    current = row.revision if row else 0
    if expected is not None and expected != current:
        return _stale(expected, current)
    return None


def _stale(expected: int, current: int) -> Refusal:
    now = f"is at revision {current}" if current else "does not exist"
    return Refusal("precondition_failed", f"expected revision {expected}, but the entry {now}", current)


def _no_namespace(name: str) -> Refusal:
    return Refusal("namespace_not_found", f"there is no namespace {name!r}")
