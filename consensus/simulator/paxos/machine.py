"""One simulated node: its disk, which may crash before or after a write, its clock, and its sending."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from consensus.paxos.messages import HardState, PaxosMessage, Record
from consensus.paxos.node import PaxosConfig, PaxosNode, Ready
from consensus.paxos.quorum import Membership
from consensus.paxos.work import Outcome
from consensus.simulator.paxos.network import Network


@dataclass(slots=True)
class Disk:
    hard_state: HardState = field(default_factory=HardState)
    records: dict[str, Record] = field(default_factory=dict)

    def write(self, ready: Ready) -> None:
        """All of it or nothing, as one statement of the database is."""
        if ready.hard_state is not None:
            self.hard_state = ready.hard_state
        for name, record in ready.records:
            if record is None:
                self.records.pop(name, None)
            else:
                self.records[name] = record


class Watch(Protocol):
    """Hears of everything that machines do."""

    def sent(self, machine: "Machine", message: PaxosMessage) -> None: ...

    def wrote(self, machine: "Machine", ready: Ready) -> None: ...

    def learned(self, name: str, ready: Ready) -> None: ...

    def answered(self, context: int, outcome: Outcome) -> None: ...

    def lost(self, name: str) -> None: ...


class Machine:
    def __init__(
        self,
        name: str,
        membership: Membership,
        random: Random,
        network: Network,
        watch: Watch,
    ):
        self.name = name
        self.membership = membership
        self.disk = Disk()
        self.crash_chance = 0.0
        self.life = 0
        self.node: PaxosNode | None = None
        self._random = random
        self._network = network
        self._watch = watch

    def start(self) -> None:
        self.life += 1
        self.node = PaxosNode(
            PaxosConfig(self.name, request_timeout_ms=1500, learn_timeout_ms=300, page_size=2, max_idle_promises=2),
            self.membership,
            self.disk.hard_state,
            dict(self.disk.records),
            self._random.randint,
            self._network.now_ms,
        )

    def crash(self) -> None:
        if self.node is not None:
            self.node = None
            self._watch.lost(self.name)

    def adopt(self, membership: Membership) -> None:
        """The group's log has told this node of a membership; it remembers that across crashes."""
        if membership.version > self.membership.version:
            self.membership = membership
            if self.node is not None:
                self.node.set_membership(membership, self._network.now_ms)

    def receive(self, source: str, message: PaxosMessage) -> None:
        if self.node is not None:
            self.node.step(source, message, self._network.now_ms)

    def step(self) -> None:
        """Take a turn: look at the clock, then do what `PaxosNode` wants done, or die in the middle of it."""
        node = self.node
        if node is None:
            return
        node.tick(self._network.now_ms)
        while self.node is not None and (ready := node.ready()):
            self._work_off(node, ready)

    def _work_off(self, node: PaxosNode, ready: Ready) -> None:
        self._send(ready.early)
        if self._dies():
            return
        if ready.hard_state is not None or ready.records:
            self.disk.write(ready)
            self._watch.wrote(self, ready)
            if self._dies():
                return
        node.saved(ready)
        for sent in ready.late:
            self._send([sent])
            if self._dies():
                return
        self._watch.learned(self.name, ready)
        for context, outcome in ready.results:
            self._watch.answered(context, outcome)

    def _dies(self) -> bool:
        if self._random.random() >= self.crash_chance:
            return False
        self.crash()
        return True

    def _send(self, messages: Iterable[tuple[str, PaxosMessage]]) -> None:
        for destination, message in messages:
            self._watch.sent(self, message)
            self._network.send(self.name, destination, message)
