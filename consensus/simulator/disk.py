"""A node's durable state in memory (implements `ports.Storage`), which can crash before or after a write."""

from collections.abc import Callable, Sequence

from consensus.errors import Fenced
from consensus.ports import StoredState
from consensus.raft.messages import Entry, HardState
from consensus.simulator.power import Power

Witness = Callable[[HardState, Sequence[Entry]], None]


def _nobody(hard_state: HardState, entries: Sequence[Entry]) -> None:
    pass


class Disk:
    """``witness`` sees every write just before it takes effect; ``write_ms`` says how long each takes."""

    def __init__(
        self, power: Power | None = None, witness: Witness = _nobody, write_ms: Callable[[], float] = lambda: 0.0
    ):
        self._power = power or Power()
        self._witness = witness
        self._write_ms = write_ms
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
        """All of it or nothing, whenever the power fails."""
        if epoch != self.epoch:
            raise Fenced("an earlier life writes")
        self._power.operate()
        self._power.used_ms += self._write_ms()
        self._check(hard_state)
        self._witness(hard_state, entries)
        self.hard_state = hard_state
        if entries:
            del self.entries[entries[0].index - 1 :]
            self.entries.extend(entries)
        self._power.operate()

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
