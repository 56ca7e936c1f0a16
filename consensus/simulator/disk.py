"""A node's durable state in memory (implements `ports.Storage`), which can crash before or after a write."""

from collections.abc import Sequence
from random import Random

from consensus.errors import Fenced
from consensus.ports import StoredState
from consensus.raft.messages import Entry, HardState


class Crash(Exception):
    """The machine lost power in the middle of a step."""


class Disk:
    """``crash_chance`` is the chance of a crash in each write; half of them come after it took effect."""

    def __init__(self, random: Random):
        self._random = random
        self.crash_chance = 0.0
        self.hard_state = HardState()
        self.entries: list[Entry] = []
        self.epoch = 0

    def open(self) -> StoredState:
        self.epoch += 1
        terms: list[tuple[int, int]] = []
        for entry in self.entries:
            if not terms or terms[-1][1] != entry.term:
                terms.append((entry.index, entry.term))
        return StoredState(self.hard_state, self.epoch, tuple(terms), len(self.entries))

    def session(self) -> "Session":
        return Session(self)

    def write(self, epoch: int, hard_state: HardState, entries: Sequence[Entry]) -> None:
        if epoch != self.epoch:
            raise Fenced("an earlier life writes")
        crash = self._random.random() < self.crash_chance
        if crash and self._random.random() < 0.5:
            raise Crash
        self._check(hard_state)
        self.hard_state = hard_state
        if entries:
            del self.entries[entries[0].index - 1 :]
            self.entries.extend(entries)
        if crash:
            raise Crash

    def _check(self, hard_state: HardState) -> None:
        """Term and vote never go back (P figure 2)."""
        before = self.hard_state
        assert hard_state.term >= before.term, f"term goes back from {before.term} to {hard_state.term}"
        if hard_state.term == before.term and before.vote:
            assert hard_state.vote == before.vote, f"a second vote in term {before.term}"


class Session:
    """The disk as one life of the node sees it."""

    def __init__(self, disk: Disk):
        self._disk = disk
        self._epoch = 0

    def open(self) -> StoredState:
        stored = self._disk.open()
        self._epoch = stored.epoch
        return stored

    def save(self, hard_state: HardState, entries: Sequence[Entry]) -> None:
        self._disk.write(self._epoch, hard_state, entries)

    def read(self, first: int, last: int) -> list[Entry]:
        return self._disk.entries[first - 1 : last]
