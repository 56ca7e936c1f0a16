"""What one batch of commands decides, in memory, until it is written at the end.

A batch costs one read (none where all its entries are remembered) and one write a table, however many commands it
holds. No ORM here, since this path bounds the throughput of the whole group; psycopg's own cursor prepares the
statements, which Django's does not.
"""

from collections import OrderedDict
from collections.abc import Collection

import msgspec

from config_service.entries.models import IDS_PER_REVISION
from config_service.entries.tables import (
    SELECT_ROWS,
    SELECT_VALUES,
    Change,
    Key,
    Run,
    delete_entries,
    write_changes,
)
from config_service.envelope import CommandBase
from consensus.sql import TextArray, begin, execute


class Row(msgspec.Struct, gc=False):
    """What deciding needs to know of an entry that exists."""

    id: int
    revision: int
    created_revision: int
    version: int
    type: str


class NamespaceRow(msgspec.Struct, gc=False):
    """What deciding needs to know of a namespace. ``schema`` is the text of its rules, "" for none."""

    created_revision: int
    colour: str = ""
    protected: bool = False
    requires_approval: bool = False
    require_if_match: bool = False
    schema: str = ""
    schema_version: int = 0


class Step(msgspec.Struct, frozen=True, gc=False):
    """One command of a batch with its envelope and its revision."""

    revision: int
    actor: str
    at: str
    command: CommandBase


class Batch:
    """``rows`` are the entries as they would be after all that was decided so far: None for those that do not exist.
    ``namespaces`` holds every namespace."""

    def __init__(self, rows: OrderedDict[Key, Row | None], namespaces: dict[str, NamespaceRow]):
        self.rows = rows
        self.namespaces = namespaces
        # The last change of every entry that this batch leaves in place.
        self._written: dict[Key, Change] = {}
        self._deleted: set[Key] = set()
        self._changes: list[Change] = []
        self._place = (0, 0)

    def load(self, keys: Collection[Key]) -> None:
        """Make ``rows`` know every one of ``keys``."""
        rows = self.rows
        missing = [key for key in keys if key not in rows]
        for key in keys:
            if key in rows:
                rows.move_to_end(key)
        if not missing:
            return
        rows.update(dict.fromkeys(missing))
        found = execute(SELECT_ROWS, TextArray([key[0] for key in missing]), TextArray([key[1] for key in missing]))
        for namespace, name, *columns in found.fetchall():
            rows[namespace, name] = Row(*columns)

    def values(self, keys: Collection[Key]) -> dict[Key, str]:
        """The JSON texts of those of the loaded ``keys`` that exist."""
        found = {key: self._written[key].value_json for key in keys if key in self._written}
        stored = [key for key in keys if key not in found and self.rows[key] is not None]
        if stored:
            columns = TextArray([key[0] for key in stored]), TextArray([key[1] for key in stored])
            found |= {(row[0], row[1]): row[2] for row in execute(SELECT_VALUES, *columns).fetchall()}
        return found

    def put(self, step: Step, key: Key, value_json: str, kind: str, comment: str, expires_at: str = "") -> Row:
        """Create or change a loaded entry."""
        revision, row = step.revision, self.rows[key]
        change_id = self._change_id(revision)
        if row is None:
            row = Row(change_id, revision, revision, 1, kind)
        else:
            row = Row(row.id, revision, row.created_revision, row.version + 1, kind)
        self.rows[key] = row
        change = Change(
            change_id, row.id, *key, value_json, kind, revision, row.created_revision, row.version,
            step.at, step.actor, comment, expires_at, "put",
        )  # fmt: skip
        self._written[key] = change
        self._deleted.discard(key)
        self._changes.append(change)
        return row

    def delete(self, step: Step, key: Key, comment: str = "") -> None:
        """Delete a loaded entry that exists."""
        row = self.rows[key]
        assert row is not None
        self.rows[key] = None
        self._written.pop(key, None)
        self._deleted.add(key)
        change = Change(
            self._change_id(step.revision), row.id, *key, "null", row.type, step.revision, row.created_revision,
            row.version, step.at, step.actor, comment, "", "delete",
        )  # fmt: skip
        self._changes.append(change)

    def _change_id(self, revision: int) -> int:
        last, place = self._place
        place = place + 1 if last == revision else 0
        assert place < IDS_PER_REVISION
        self._place = revision, place
        return revision * IDS_PER_REVISION + place

    def settle(self) -> None:
        """Before reading tables: make them hold all that was decided."""
        begin()
        self.flush(execute)

    def flush(self, run: Run) -> None:
        """Write what was decided. A key is in at most one of the two sets, so their order does not matter."""
        if self._deleted:
            delete_entries(run, self._deleted)
            self._deleted.clear()
        if self._changes:
            write_changes(run, self._changes, {change.id for change in self._written.values()})
            self._changes.clear()
            self._written.clear()
