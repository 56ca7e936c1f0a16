"""What must hold at every step, seen from outside: from messages as they are sent and disks as they are written."""

from bisect import insort
from collections.abc import Iterable, Mapping

from consensus.paxos.ballot import ZERO, Ballot
from consensus.paxos.messages import (
    Accept,
    Accepted,
    HardState,
    ListNames,
    PaxosMessage,
    Prepare,
    Promise,
    Query,
    Record,
)
from consensus.paxos.node import Ready
from consensus.paxos.quorum import Membership
from consensus.paxos.register import Decree, Register, Stored, decode, encode
from consensus.simulator.ledger import Violation
from consensus.simulator.paxos.machine import Machine


class Chain:
    """What was chosen for one name, by ballot, and which request made which version."""

    def __init__(self, name: str):
        self.name = name
        self.chosen: list[tuple[Ballot, bytes]] = []
        self.versions: dict[str, int] = {}
        self._requests: dict[int, str] = {}

    @property
    def values(self) -> set[bytes]:
        return {value for _, value in self.chosen}

    def add(self, ballot: Ballot, value: bytes) -> None:
        insort(self.chosen, (ballot, value))
        stored = decode(value)
        at = self.chosen.index((ballot, value))
        for other in self.chosen[max(0, at - 1) : at + 2]:
            self._agree((ballot, stored), (other[0], decode(other[1])))
        if isinstance(stored, Register):
            for recent in stored.recent:
                if self.versions.setdefault(recent.request_id, recent.version) != recent.version:
                    raise Violation(f"{self.name}: {recent.request_id} is applied twice")
                if self._requests.setdefault(recent.version, recent.request_id) != recent.request_id:
                    raise Violation(f"{self.name}: two changes make version {recent.version}")

    def _agree(self, one: tuple[Ballot, Stored], other: tuple[Ballot, Stored]) -> None:
        """A decree is always the same; a register's version is always the same value, and later ballots do not undo."""
        (first, before), (second, after) = sorted((one, other), key=lambda pair: pair[0])
        if isinstance(before, Decree) or isinstance(after, Decree):
            if before != after:
                raise Violation(f"{self.name}: {before} is chosen at {first}, {after} at {second}")
        elif before.version > after.version or (before.version == after.version and before.value != after.value):
            raise Violation(f"{self.name}: {before} is chosen at {first}, but {after} at {second}")


class Checkers:
    """``memberships`` by version. ``written[request id]``: the value a request writes; validity is checked by it."""

    def __init__(self, memberships: Mapping[int, Membership], machines: Iterable[str]):
        self.chains: dict[str, Chain] = {}
        self.written: dict[str, bytes | None] = {}
        self.decrees: set[bytes] = set()
        self._memberships = memberships
        self._lives: dict[Ballot, tuple[str, int]] = {}
        self._proposals: dict[tuple[str, Ballot], bytes] = {}
        self._acceptances: dict[tuple[str, Ballot], set[str]] = {}
        self._hard: dict[str, HardState] = dict.fromkeys(machines, HardState())
        self._records: dict[str, dict[str, Record]] = {name: {} for name in self._hard}

    def chain(self, name: str) -> Chain:
        return self.chains.setdefault(name, Chain(name))

    def sent(self, machine: Machine, message: PaxosMessage) -> None:
        """Scenario Q01: a ballot belongs to one life of one node, and proposes one value. Q03: answers are durable."""
        if isinstance(message, Prepare | Accept | Query | ListNames):
            life = (machine.name, machine.life)
            if self._lives.setdefault(message.ballot, life) != life:
                raise Violation(f"ballot {message.ballot} is used again by {life}")
        if isinstance(message, Accept):
            key = (message.name, message.ballot)
            if self._proposals.setdefault(key, message.value) != message.value:
                raise Violation(f"two values are proposed at {message.ballot} of {message.name}")
            self._consider(*key)
        if isinstance(message, Promise | Accepted):
            disk = machine.disk
            if disk.records.get(message.name, Record(disk.hard_state.floor)).promised < message.ballot:
                raise Violation(f"{machine.name} answers {message.ballot} of {message.name} before it is durable")

    def wrote(self, machine: Machine, ready: Ready, disks: Mapping[str, Mapping[str, Record]]) -> None:
        """Promises and what was accepted never go back. ``disks``: the records of all members, after the write."""
        before = self._hard[machine.name]
        after = self._hard[machine.name] = machine.disk.hard_state
        for field in ("reserved", "floor", "floor_version", "membership"):
            if getattr(after, field) < getattr(before, field):
                raise Violation(f"{field} of {machine.name} goes back: {before} to {after}")
        records = self._records[machine.name]
        for name, record in ready.records:
            held = records.get(name, Record(before.floor))
            now = record or Record(after.floor)
            if now.promised < held.promised:
                raise Violation(f"{machine.name} forgets its promise of {held.promised} for {name}")
            if now.accepted == ZERO < held.accepted:
                self._erased(name, held, disks)
                held = Record(held.promised)
            if record is None:
                records.pop(name, None)
                continue
            if now.accepted < held.accepted or now.promised < now.accepted:
                raise Violation(f"{machine.name} forgets what it accepted for {name}: {held} to {now}")
            records[name] = record
            if record.accepted != ZERO:
                self._acceptances.setdefault((name, record.accepted), set()).add(machine.name)
                self._consider(name, record.accepted)

    def _erased(self, name: str, held: Record, disks: Mapping[str, Mapping[str, Record]]) -> None:
        """Scenario Q07: a tombstone goes only when no member holds anything older."""
        stored = decode(held.value)
        if not isinstance(stored, Register) or stored.value is not None:
            raise Violation(f"{name} is erased with a value")
        for member, records in disks.items():
            record = records.get(name)
            if record is not None and ZERO < record.accepted < held.accepted:
                raise Violation(f"{name} is erased although {member} holds {record}")

    def _consider(self, name: str, ballot: Ballot) -> None:
        """Chosen means accepted by a quorum at one ballot (scenario Q05): under a joint membership, by a majority of
        the voters that stay. Those of a joint membership and all after it ask a majority of them for promises; of
        older memberships none above the ballot can have one (`docs/paxos.md`)."""
        value = self._proposals.get((name, ballot))
        acceptors = self._acceptances.get((name, ballot))
        if value is None or acceptors is None:
            return
        voters = self._memberships[ballot.membership].voters
        chain = self.chain(name)
        if 2 * len(acceptors.intersection(voters)) > len(voters) and (ballot, value) not in chain.chosen:
            self._valid(name, decode(value))
            chain.add(ballot, value)

    def _valid(self, name: str, stored: Stored) -> None:
        """Only what somebody asked for is chosen."""
        if isinstance(stored, Decree):
            if stored.value not in self.decrees:
                raise Violation(f"nobody proposed {stored} for {name}")
            return
        if stored.recent and stored.recent[-1].version == stored.version:
            written = self.written[stored.recent[-1].request_id]
            if (written is None) != (stored.value is None) or not (stored.value or b"").endswith(written or b""):
                raise Violation(f"{stored} is not what was asked for {name}")

    def learned(self, machine: str, ready: Ready) -> None:
        for name, stored in ready.learned:
            if encode(stored) not in self.chain(name).values:
                raise Violation(f"{machine} learned {stored} for {name}, which was not chosen")
