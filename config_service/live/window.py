"""The latest changes, in order, for those who watch.

Watchers have no queue of their own. Each knows the position up to which it has told everything, and takes what came
after it from here, so a slow one costs nothing but its own delay; when what it needs has left the window, it reads on
in the history, or is cut off.
"""

from collections import deque
from collections.abc import Sequence

from config_service.entries.snapshots import ChangeSnapshot
from config_service.live.changes import end_of

MOST_CHANGES = 10_000
MOST_BYTES = 8 * 1024 * 1024
OVERHEAD_BYTES = 300


class Window:
    """Everything up to the id ``position`` is known, and everything after ``floor`` is still here."""

    def __init__(self) -> None:
        self._revisions: deque[tuple[ChangeSnapshot, ...]] = deque()
        self._changes = self._bytes = 0
        self.floor = self.position = 0

    def restart(self, revision: int) -> None:
        """Nothing before this is known any more."""
        self._revisions.clear()
        self._changes = self._bytes = 0
        self.floor = self.position = end_of(revision)

    def append(self, changes: Sequence[ChangeSnapshot], position: int) -> None:
        """Take what came between the position so far and ``position``."""
        start = 0
        for place, change in enumerate(changes, 1):
            if place == len(changes) or changes[place].revision != change.revision:
                self._add(tuple(changes[start:place]))
                start = place
        while self._revisions and (self._changes > MOST_CHANGES or self._bytes > MOST_BYTES):
            self._remove(self._revisions.popleft())
        self.position = position

    def after(self, position: int) -> list[tuple[ChangeSnapshot, ...]] | None:
        """The changes after ``position``, a tuple for each revision; None: they are not (all) here any more."""
        if position < self.floor:
            return None
        found = []
        for changes in reversed(self._revisions):
            if changes[-1].id <= position:
                break
            found.append(changes if changes[0].id > position else tuple(c for c in changes if c.id > position))
        found.reverse()
        return found

    def _add(self, changes: tuple[ChangeSnapshot, ...]) -> None:
        self._revisions.append(changes)
        self._changes += len(changes)
        self._bytes += _size(changes)

    def _remove(self, changes: tuple[ChangeSnapshot, ...]) -> None:
        self._changes -= len(changes)
        self._bytes -= _size(changes)
        self.floor = end_of(changes[-1].revision)


def _size(changes: tuple[ChangeSnapshot, ...]) -> int:
    return sum(len(change.value_json) + len(change.key) + OVERHEAD_BYTES for change in changes)
