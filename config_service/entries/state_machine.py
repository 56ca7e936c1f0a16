"""The only writer of namespaces, entries and their history: which command is decided where."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from config_service.entries import compaction, decisions, imports, namespaces, rollback, transactions
from config_service.entries.batch import Batch, NamespaceRow, Row, Step
from config_service.entries.commands import (
    CompactHistory,
    DeleteEntry,
    DeleteNamespace,
    DropImports,
    ExpireEntries,
    ImportEntries,
    PutEntry,
    PutNamespace,
    PutSchema,
    ResealEntry,
    RevertNamespace,
    RollbackEntry,
    RollbackNamespace,
    StageImport,
    Transact,
)
from config_service.entries.schemas import deciding as schema_decisions
from config_service.entries.tables import Key
from config_service.envelope import Done, Refusal
from consensus.sql import write

_REMEMBERED = 50_000

Handler = Callable[[Batch, Step, Any], Done | Refusal]
_HANDLERS: dict[type, Handler] = {
    PutEntry: decisions.put,
    ResealEntry: decisions.reseal,
    DeleteEntry: decisions.delete,
    PutNamespace: namespaces.put,
    DeleteNamespace: namespaces.delete,
    PutSchema: schema_decisions.put,
    RollbackEntry: rollback.entry,
    RollbackNamespace: rollback.namespace,
    RevertNamespace: rollback.namespace_as_seen,
    CompactHistory: compaction.compact,
    Transact: transactions.transact,
    ExpireEntries: transactions.expire,
    StageImport: imports.stage,
    ImportEntries: imports.run,
    DropImports: imports.drop,
}
_NAMES_ONE_ENTRY = (PutEntry, ResealEntry, DeleteEntry, RollbackEntry)


class EntriesStateMachine:
    """Applies batches of commands. What it remembers is a copy of the tables: `reset` when that may no longer hold.
    ``more``: commands of others that write entries too, and so have their place in the same order."""

    def __init__(self, more: Mapping[type, Handler] = MappingProxyType({})) -> None:
        self._handlers = {**_HANDLERS, **more}
        self._rows: OrderedDict[Key, Row | None] = OrderedDict()
        self._namespaces: dict[str, NamespaceRow] | None = None

    def reset(self) -> None:
        self._rows.clear()
        self._namespaces = None

    def apply(self, steps: Sequence[Step]) -> list[Done | Refusal]:
        """In the caller's transaction; the results are in the order of ``steps``."""
        batch = Batch(self._rows, self._known_namespaces())
        batch.load({(s.command.namespace, s.command.key) for s in steps if isinstance(s.command, _NAMES_ONE_ENTRY)})
        results = [self._handlers[type(step.command)](batch, step, step.command) for step in steps]
        batch.flush(write)
        while len(self._rows) > _REMEMBERED:
            self._rows.popitem(last=False)
        return results

    def _known_namespaces(self) -> dict[str, NamespaceRow]:
        if self._namespaces is None:
            self._namespaces = namespaces.load()
        return self._namespaces
