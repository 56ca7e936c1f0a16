"""A node's durable state in memory (implements `ports.Storage`), which can crash before or after a write."""

from collections.abc import Callable, Sequence
from copy import copy

from consensus.errors import Fenced
from consensus.paxos.messages import HardState as RegisterHardState
from consensus.paxos.messages import Record
from consensus.ports import ReceivedImage, StoredState
from consensus.raft.membership import decode
from consensus.raft.messages import Entry, EntryKind, HardState, Membership, Snapshot
from consensus.simulator.power import Power

Witness = Callable[[HardState, Sequence[Entry]], None]


def _nobody(hard_state: HardState, entries: Sequence[Entry]) -> None:
    pass


class Disk:
    """``witness`` sees every write just before it takes effect; ``write_ms`` says how long each takes.

    ``entries`` is the log after ``snapshot``. ``install_tables`` replaces the tables by a received
    image (snapshot, image, whether the log after it stays); ``compacting`` sees what is kept in place of the log,
    ``marking`` why the tables are said to have diverged, ``founding`` which group this node takes for its own.
    """

    def __init__(
        self,
        power: Power | None = None,
        witness: Witness = _nobody,
        write_ms: Callable[[], float] = lambda: 0.0,
        install_tables: Callable[[Snapshot, ReceivedImage, bool], None] = lambda snapshot, image, keep_log: None,
        compacting: Callable[[Snapshot], None] = lambda snapshot: None,
        marking: Callable[[str], None] = lambda reason: None,
        founding: Callable[[str, Membership], None] = lambda group_id, membership: None,
        incarnation: str = "one",
    ):
        self._power = power or Power()
        self._witness = witness
        self._write_ms = write_ms
        self._install_tables = install_tables
        self._compacting = compacting
        self._marking = marking
        self._founding = founding
        self.diverged = ""
        self.incarnation = incarnation
        self.hard_state = HardState()
        self.snapshot = Snapshot()
        self.entries: list[Entry] = []
        self.epoch = 0
        self.registers = RegisterHardState()
        self.records: dict[str, Record] = {}
        self.group_id = ""

    @property
    def last_index(self) -> int:
        return self.snapshot.index + len(self.entries)

    @property
    def end(self) -> tuple[int, int]:
        """(term, index) of the last entry."""
        return self.term_at(self.last_index), self.last_index

    def term_at(self, index: int) -> int:
        """The term of the entry at ``index``, or of what the log begins with; -1 where nothing is known."""
        if index == self.snapshot.index:
            return self.snapshot.term
        if self.snapshot.index < index <= self.last_index:
            return self.entries[index - 1 - self.snapshot.index].term
        return -1

    def read(self, first: int, last: int) -> list[Entry]:
        base = self.snapshot.index
        return self.entries[first - 1 - base : last - base]

    def copy(self) -> "Disk":
        """As it is now; later writes change one of the two only."""
        made = copy(self)
        made.entries, made.records = list(self.entries), dict(self.records)
        return made

    def open(self) -> StoredState:
        self.epoch += 1
        terms: list[tuple[int, int]] = []
        for entry in self.entries:
            if not terms or terms[-1][1] != entry.term:
                terms.append((entry.index, entry.term))
        memberships = tuple((e.index, decode(e.data)) for e in self.entries if e.kind == EntryKind.MEMBERSHIP)
        return StoredState(
            self.hard_state,
            self.epoch,
            self.incarnation,
            self.snapshot,
            tuple(terms),
            memberships,
            self.last_index,
            self.diverged,
            self.registers,
            dict(self.records),
            self.group_id,
        )

    def session(self) -> "Session":
        return Session(self)

    def write(self, epoch: int, change: Callable[[], None]) -> None:
        """All of ``change`` or nothing, whenever the power fails."""
        if epoch != self.epoch:
            raise Fenced("an earlier life writes")
        self._power.operate()
        self._power.used_ms += self._write_ms()
        change()
        self._power.operate()

    def save(self, hard_state: HardState, entries: Sequence[Entry]) -> None:
        self._check(hard_state)
        self._witness(hard_state, entries)
        self.hard_state = hard_state
        if entries:
            del self.entries[entries[0].index - 1 - self.snapshot.index :]
            self.entries.extend(entries)

    def save_registers(
        self, hard_state: RegisterHardState | None, records: Sequence[tuple[str, Record | None]]
    ) -> None:
        self.registers = hard_state or self.registers
        for name, record in records:
            if record is None:
                self.records.pop(name, None)
            else:
                self.records[name] = record

    def begin_after(self, snapshot: Snapshot, keep_log: bool) -> None:
        self.entries = [entry for entry in self.entries if entry.index > snapshot.index and keep_log]
        self.snapshot = snapshot

    def found(self, membership: Membership, group_id: str) -> None:
        self._founding(group_id, membership)
        self.begin_after(Snapshot(0, 0, membership), keep_log=True)
        self.group_id = group_id
        self.registers, self.records = RegisterHardState(), {}

    def compact(self, snapshot: Snapshot) -> None:
        self._compacting(snapshot)
        self.begin_after(snapshot, keep_log=True)

    def install(self, snapshot: Snapshot, image: ReceivedImage, keep_log: bool) -> None:
        self._install_tables(snapshot, image, keep_log)
        self.begin_after(snapshot, keep_log)
        self.diverged = ""

    def mark_diverged(self, reason: str) -> None:
        self._marking(reason)
        self.diverged = reason

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
        self._disk.write(self._epoch, lambda: self._disk.save(hard_state, entries))

    def save_registers(
        self, hard_state: RegisterHardState | None, records: Sequence[tuple[str, Record | None]]
    ) -> None:
        self._disk.write(self._epoch, lambda: self._disk.save_registers(hard_state, records))

    def read(self, first: int, last: int) -> list[Entry]:
        return self._disk.read(first, last)

    def found(self, membership: Membership, group_id: str) -> None:
        self._disk.write(self._epoch, lambda: self._disk.found(membership, group_id))

    def compact(self, snapshot: Snapshot) -> None:
        self._disk.write(self._epoch, lambda: self._disk.compact(snapshot))

    def install(self, snapshot: Snapshot, image: ReceivedImage, keep_log: bool) -> None:
        self._disk.write(self._epoch, lambda: self._disk.install(snapshot, image, keep_log))

    def mark_diverged(self, reason: str) -> None:
        self._disk.write(self._epoch, lambda: self._disk.mark_diverged(reason))

    def restore(self, snapshot: Snapshot, image: ReceivedImage, index: int) -> None:
        """Nobody restores a simulated group: its checkers know one history."""
        raise NotImplementedError
