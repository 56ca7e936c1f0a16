"""The current entries in memory, each with its rendered answer, so that a read of one costs a look-up.

A copy of this node's tables as of ``revision``, bounded in bytes: what does not fit is not held, and is read from
Postgres like before. Held are the entries that changed last. Changed by the follower alone.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from config_service.entries.models import Operation
from config_service.entries.snapshots import ChangeSnapshot, EntrySnapshot

# What Python needs for an entry besides its texts: measured over 100,000 entries.
OVERHEAD_BYTES = 400

Key = tuple[str, str]


class Held(NamedTuple):
    revision: int
    body: bytes


class Replica:
    """``render`` makes an entry's answer, or None for one that may not be answered from here."""

    def __init__(self, render: Callable[[EntrySnapshot], bytes | None], most_bytes: int):
        self._render = render
        self._most_bytes = most_bytes
        self._entries: dict[Key, Held] = {}
        self.bytes = 0
        self.revision = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, namespace: str, key: str) -> Held | None:
        return self._entries.get((namespace, key))

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
            self._drop((change.namespace, change.key))
            if change.operation == Operation.PUT:
                self._put(change.as_entry())
        while self.bytes > self._most_bytes:
            self._drop(next(iter(self._entries)))
        self.revision = revision

    def _put(self, entry: EntrySnapshot) -> None:
        body = self._render(entry)
        if body is not None:
            self._entries[entry.namespace, entry.key] = Held(entry.revision, body)
            self.bytes += _size(entry.key, body)

    def _drop(self, key: Key) -> None:
        held = self._entries.pop(key, None)
        if held is not None:
            self.bytes -= _size(key[1], held.body)


def _size(key: str, body: bytes) -> int:
    return len(key) + len(body) + OVERHEAD_BYTES
