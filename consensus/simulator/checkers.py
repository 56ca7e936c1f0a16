"""What must hold at every step (Raft paper figure 3; the rules of the design), over all nodes of a simulated group.

Nodes are looked at when something of theirs changes: at every write, every message out, every applied batch, and after
every turn. `Ledger` makes each look as cheap as the news in it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from consensus.group_commands import ACTIVE
from consensus.raft.election import LAST_RESORT_TIMEOUTS
from consensus.raft.messages import (
    AppendReply,
    AppendRequest,
    Entry,
    HardState,
    Membership,
    Snapshot,
    VoteReply,
    VoteRequest,
)
from consensus.raft.node import Role
from consensus.simulator.databases import Fate
from consensus.simulator.disk import Disk
from consensus.simulator.forgetting import Forgetting
from consensus.simulator.ledger import Ledger, Violation
from consensus.wire import HelloAnswer, PeerMessage

if TYPE_CHECKING:
    from consensus.simulator.machine import Machine


class Checkers:
    """``machines`` are all nodes of the group, by name, once they are there."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.forgetting = Forgetting()
        self.machines: Mapping[str, Machine] = {}
        self._leaders: dict[int, str] = {}
        self._led: dict[tuple[str, int], int] = {}
        self._commits: dict[str, int] = {}
        self._group: tuple[str, Membership] | None = None
        self._damage_spread = False
        self._promises: dict[type, Callable[[Machine, str, Any], None]] = {
            AppendRequest: self._append_request,
            AppendReply: self._append_reply,
            VoteRequest: self._vote_request,
            VoteReply: self._vote_reply,
            HelloAnswer: self._hello_answer,
        }

    @property
    def committed(self) -> list[Entry]:
        return self.ledger.committed

    def written(self, machine: "Machine", hard_state: HardState, entries: Sequence[Entry]) -> None:
        """Just before ``machine`` writes: log matching, leader append-only, nothing committed dropped."""
        if hard_state.vote:
            self.ledger.vote(machine.name, hard_state)
        disk = machine.disk
        leads = machine.driver is not None and machine.driver.node.role is Role.LEADER
        if not entries:
            return
        first, last = entries[0].index, entries[-1]
        if first > disk.last_index + 1:
            raise Violation(f"{machine.name} writes entry {first}, but its log ends at {disk.last_index}")
        if last.term > hard_state.term:
            raise Violation(f"{machine.name} writes an entry of term {last.term} in term {hard_state.term}")
        self.ledger.record(machine.name, entries, disk.term_at(first - 1))
        if first <= disk.last_index:
            self._keeps_what_is_committed(machine, first, entries)
        if leads and hard_state.term == machine.driver.node.term == last.term:  # type: ignore[union-attr]
            if disk.term_at(first) == last.term:
                raise Violation(f"leader append-only: {machine.name} replaces entry {first} of its own term")
            self.ledger.accept(machine.name, last.term, last.index, machine.driver.node.membership)  # type: ignore[union-attr]

    def _keeps_what_is_committed(self, machine: "Machine", first: int, entries: Sequence[Entry]) -> None:
        index = self._committed_and_held(machine.disk)
        if index < first:
            return
        if entries[-1].index < index or not self.ledger.agrees(index, entries[index - first].term):
            raise Violation(f"{machine.name} drops entry {index}, which is committed")

    def _committed_and_held(self, disk: Disk) -> int:
        """The last committed entry, if ``disk`` holds it, or the last that it holds, if that is committed; else 0."""
        index = min(disk.last_index, len(self.committed))
        return index if self.ledger.agrees(index, disk.term_at(index)) else 0

    def compacted(self, machine: "Machine", snapshot: Snapshot) -> None:
        """Just before ``machine`` drops its log up to ``snapshot``: it is committed, and applied (P 7)."""
        if not self.ledger.agrees(snapshot.index, snapshot.term):
            raise Violation(f"{machine.name} keeps {snapshot} in place of its log, which is not what was committed")
        if snapshot.index > machine.tables.applied_index():
            raise Violation(f"{machine.name} drops its log up to {snapshot.index}, which it has not applied")

    def installed(self, machine: "Machine", snapshot: Snapshot, keep_log: bool) -> None:
        """``machine`` takes an image for its tables (already in place) and ``snapshot`` for its log (P 7)."""
        index = snapshot.index
        if not self.ledger.agrees(index, snapshot.term) or machine.tables.applied != self.committed[:index]:
            raise Violation(f"{machine.name} installs an image of {index} that differs from what was committed")
        if not keep_log and self._committed_and_held(machine.disk) > index:
            raise Violation(f"{machine.name} drops committed entries after the image of {index}")
        self._damage_spread |= bool(machine.tables.damage)

    def diverged(self, machine: "Machine", reason: str) -> None:
        """Just before ``machine`` takes itself out of service: nobody does whose tables are as they should be.

        Unless others have their tables from a leader whose damage nobody had noticed: right is what a majority has.
        """
        if not machine.tables.damage and not self._damage_spread:
            raise Violation(f"{machine.name} says that its tables have diverged, which they have not: {reason}")

    def sent(self, machine: "Machine", destination: str, message: PeerMessage) -> None:
        """Nothing leaves a node before what it promises is durable (P figure 2, 5.2, 5.3)."""
        promise = self._promises.get(message.__class__)
        if promise is not None:
            promise(machine, destination, message)

    def _append_request(self, machine: "Machine", destination: str, message: AppendRequest) -> None:
        if message.term > machine.disk.hard_state.term:
            raise Violation(f"{machine.name} leads term {message.term}, which is not durable")
        if message.commit > len(self.committed):
            raise Violation(f"{machine.name} says that {message.commit} is committed, but no majority holds it")

    def _append_reply(self, machine: "Machine", destination: str, message: AppendReply) -> None:
        durable = machine.disk.hard_state.term
        if durable < message.term:
            raise Violation(f"{machine.name} answers in term {message.term}, which is not durable")
        if not message.success:
            return
        if durable == message.term and machine.disk.last_index < message.match:
            raise Violation(f"{machine.name} says that it holds {message.match}, which is not durable")
        leader = self.machines[destination].driver
        if leader is not None and leader.node.role is Role.LEADER and leader.node.term == message.term:
            self.ledger.accept(machine.name, message.term, message.match, leader.node.membership)

    def _vote_reply(self, machine: "Machine", destination: str, message: VoteReply) -> None:
        if message.granted and not message.pre:
            self._voted(machine, message.term, destination)
            # It counts also where what became durable with it is a later term, so that the vote was never on the disk.
            self.ledger.vote(machine.name, HardState(message.term, destination))
            self._up_to_date(machine, message.term, destination)

    def _vote_request(self, machine: "Machine", destination: str, message: VoteRequest) -> None:
        if not message.pre:
            self._voted(machine, message.term, machine.name)
        elif machine.tables.node_state(machine.name)[0] != ACTIVE and machine.driver is not None:
            silent_ms = int(machine.clock_ms) - machine.driver.node.heard_ms
            if silent_ms <= LAST_RESORT_TIMEOUTS * machine.config.election_timeout_max_ms:
                raise Violation(f"{machine.name} campaigns, though it is drained")

    def _voted(self, machine: "Machine", term: int, vote: str) -> None:
        durable = machine.disk.hard_state
        if durable.term < term or (durable.term == term and durable.vote != vote):
            raise Violation(f"{machine.name} votes for {vote} in term {term}, which is not durable: {durable}")

    def _up_to_date(self, machine: "Machine", term: int, candidate: str) -> None:
        """Election restriction (P 5.4.1): nobody votes for a log that is behind its own."""
        mine, theirs = machine.disk, self.machines[candidate].disk
        if self.machines[candidate].fate is not Fate.WHOLE:
            return
        if mine.hard_state.term == theirs.hard_state.term == term and mine.end > theirs.end:
            raise Violation(
                f"{machine.name}, whose log ends at {mine.end} (term, index), votes in term {term} for {candidate}, "
                f"whose log ends at {theirs.end}"
            )

    def applied(self, machine: "Machine", entries: Sequence[Entry]) -> None:
        """State machine safety: what is applied is what is committed. A crash may make a node apply again."""
        committed = self.committed
        for entry in entries:
            index = entry.index
            if index > len(committed):
                raise Violation(f"{machine.name} applies entry {index}, which no majority holds")
            if committed[index - 1] is not entry and committed[index - 1] != entry:
                raise Violation(f"{machine.name} applies another entry at {index} than was committed there")

    def turned_away(self, machine: "Machine") -> None:
        """The group is said to have had a node of this name: then somebody must have removed it."""
        running = [one.driver for one in self.machines.values() if one.driver is not None]
        if not any(machine.name in driver.node.membership.former for driver in running):
            raise Violation(f"{machine.name} is turned away, and was never removed")

    def _hello_answer(self, machine: "Machine", destination: str, message: HelloAnswer) -> None:
        self.forgetting.answered(machine, self.machines[destination], message)

    def founded(self, machine: "Machine", group_id: str, membership: Membership) -> None:
        """Just before ``machine`` takes a group for its own: there is one, ever, with one first membership. Whoever was
        added later is told a later one."""
        known = membership.identities[machine.name].incarnation
        if known != machine.disk.incarnation:
            raise Violation(f"{machine.name} joins with {machine.disk.incarnation} a group that knows it with {known}")
        if self._group is None:
            self._group = (group_id, membership)
        id_of_all, first = self._group
        if not group_id or group_id != id_of_all or (not membership.version and membership != first):
            raise Violation(f"{machine.name} founds {group_id} of {membership}, but there is {id_of_all} of {first}")

    def turned(self, machine: "Machine") -> None:
        """After a turn: election safety, leader append-only, leader completeness, commit index."""
        node = machine.driver.node  # type: ignore[union-attr]
        if node.role is Role.LEADER:
            self._leader(machine, node.term, node.last_index)
        commit = node.commit_index
        before = self._commits.get(machine.name, 0)
        if commit != before:
            if commit < before:
                raise Violation(f"the commit index of {machine.name} goes back from {before} to {commit}")
            if not self.ledger.agrees(commit, machine.disk.term_at(commit)):
                raise Violation(f"{machine.name} takes entry {commit} as committed, but no majority holds it")
            self._commits[machine.name] = commit

    def _leader(self, machine: "Machine", term: int, last_index: int) -> None:
        key = (machine.name, term)
        before = self._led.get(key)
        if before is None:
            other = self._leaders.setdefault(term, machine.name)
            if other != machine.name:
                raise Violation(f"election safety: {machine.name} and {other} both lead term {term}")
            index = self.ledger.committed_before(term)
            if index >= machine.disk.snapshot.index and not self.ledger.agrees(index, machine.disk.term_at(index)):
                raise Violation(
                    f"leader completeness: {machine.name} leads term {term} without committed entry {index}"
                )
            if not self.ledger.elected(machine.name, term, machine.driver.node.membership):  # type: ignore[union-attr]
                raise Violation(f"{machine.name} leads term {term}, but no majority voted for it")
        elif last_index < before:
            raise Violation(f"leader append-only: {machine.name} dropped entries of its own log in term {term}")
        self._led[key] = last_index
        self._matches(machine, term)

    def _matches(self, machine: "Machine", term: int) -> None:
        """What a leader believes that its followers hold, they hold, while they are in its term (P figure 2)."""
        mine = machine.disk
        for peer, match in machine.driver.node.match_indexes().items():  # type: ignore[union-attr]
            theirs = self.machines[peer].disk
            if self.machines[peer].fate is not Fate.WHOLE:
                continue
            if theirs.hard_state.term != term or match < max(theirs.snapshot.index, mine.snapshot.index):
                continue
            if theirs.term_at(match) != mine.term_at(match):
                raise Violation(f"{machine.name} believes that {peer} holds its log up to {match}, which is not so")

    def started(self, machine: "Machine") -> None:
        """A new life knows as committed only what is applied."""
        self._commits[machine.name] = machine.tables.applied_index()
        self.forgetting.started(machine)
