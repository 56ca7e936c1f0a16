"""The current entries in memory, each with its rendered answer, so that a read of one costs a look-up.

A copy of this node's tables as of ``revision``, bounded in bytes: what does not fit is not held, and is read from
Postgres like before. Held are the entries that changed last. Changed by the follower alone. A change is rendered when
it is read for the first time, since most are not read before the next one comes.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from config_service.entries.models import Operation
from config_service.entries.snapshots import ChangeSnapshot, EntrySnapshot

# What Python needs for an entry, rendered or not, besides its key and its text: measured over 100,000 entries.
OVERHEAD_BYTES, UNRENDERED_OVERHEAD_BYTES = 400, 800

# Compared with every change: an enumeration's member would cost more than the rest.
PUT = str(Operation.PUT)

Key = tuple[str, str]


class Held(NamedTuple):
    revision: int
    body: bytes


class Replica:
    """``render`` makes an entry's answer, or None for one that may not be answered from here."""

    def __init__(self, render: Callable[[EntrySnapshot], bytes | None], most_bytes: int):
        self._render = render
        self._most_bytes = most_bytes
        self._entries: dict[Key, Held | ChangeSnapshot] = {}
        self.bytes = 0
        self.revision = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, namespace: str, key: str) -> Held | None:
        found = self._entries.get((namespace, key))
        return self._rendered(found) if isinstance(found, ChangeSnapshot) else found

    def clear(self) -> None:
        self._entries.clear()
        self.bytes = self.revision = 0

    def load(self, entries: Iterable[EntrySnapshot]) -> bool:
        """Take entries that are as of ``revision``, latest changes first. False: full."""
        for entry in entries:
            if self.bytes >= self._most_bytes:
                return False
            self._put(entry)
        return True

    def apply(self, changes: Iterable[ChangeSnapshot], revision: int) -> None:
        """Take all that changed up to ``revision``."""
        for change in changes:
            key = (change.namespace, change.key)
            self._drop(key)
            if change.operation == PUT:
                self._entries[key] = change
                self.bytes += _size(key, change)
        while self.bytes > self._most_bytes:
            self._drop(next(iter(self._entries)))
        self.revision = revision

    def _put(self, entry: EntrySnapshot) -> None:
        body = self._render(entry)
        if body is not None:
            key, held = (entry.namespace, entry.key), Held(entry.revision, body)
            self._entries[key] = held
            self.bytes += _size(key, held)

    def _rendered(self, change: ChangeSnapshot) -> Held | None:
        """Put the answer in the place of ``change``."""
        self._drop((change.namespace, change.key))
        self._put(change.as_entry())
        found = self._entries.get((change.namespace, change.key))
        return None if isinstance(found, ChangeSnapshot) else found

    def _drop(self, key: Key) -> None:
        held = self._entries.pop(key, None)
        if held is not None:
            self.bytes -= _size(key, held)


def _size(key: Key, held: Held | ChangeSnapshot) -> int:
    if isinstance(held, Held):
        return len(key[1]) + len(held.body) + OVERHEAD_BYTES
    return len(key[1]) + len(held.value_json) + UNRENDERED_OVERHEAD_BYTES
