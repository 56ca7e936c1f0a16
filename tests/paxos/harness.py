"""Driving `PaxosNode`s by hand: nodes with disks, and a network that delivers what the test lets through."""

from collections.abc import Callable, Sequence

from consensus.paxos.messages import Message, PaxosMessage
from consensus.paxos.node import Outcome, PaxosConfig, PaxosNode
from consensus.paxos.quorum import Membership
from consensus.paxos.register import Change
from consensus.simulator.paxos.machine import Disk

THREE = Membership(1, ("A", "B", "C"))


def append(request_id: str) -> Change:
    """A change that shows each time that it was applied."""
    return Change(request_id, lambda register: (register.value or b"") + request_id.encode())


class Driven:
    """One node with a disk; does what the caller of `PaxosNode` does, and collects what leaves it."""

    def __init__(self, name: str, membership: Membership = THREE, **config: int):
        self.name = name
        self.disk = Disk()
        self.config = PaxosConfig(name, **config)
        self.membership = membership
        self.now = 0
        self.boot()

    def boot(self) -> None:
        """Start, or start again from what is durable."""
        self.outbox: list[tuple[str, PaxosMessage]] = []
        self.results: dict[int, Outcome] = {}
        self.learned: list[str] = []
        self.node = PaxosNode(
            self.config,
            self.membership,
            self.disk.hard_state,
            dict(self.disk.records),
            lambda low, high: high,
            self.now,
        )

    def settle(self) -> list[tuple[str, PaxosMessage]]:
        """Work `Ready` off; returns what was sent now."""
        before = len(self.outbox)
        while ready := self.node.ready():
            self.outbox += ready.early
            self.disk.write(ready)
            self.node.saved(ready)
            self.outbox += ready.late
            self.results.update(ready.results)
            self.learned += [name for name, _ in ready.learned]
        return self.outbox[before:]

    def step(self, source: str, message: PaxosMessage) -> list[tuple[str, PaxosMessage]]:
        self.node.step(source, message, self.now)
        return self.settle()

    def pass_time(self, ms: int) -> list[tuple[str, PaxosMessage]]:
        self.now += ms
        self.node.tick(self.now)
        return self.settle()


class Group:
    """Nodes that hear each other, except what ``drop(source, destination, message)`` keeps back."""

    def __init__(self, membership: Membership = THREE, **config: int):
        self.nodes = {name: Driven(name, membership, **config) for name in membership.members}
        self.drop: Callable[[str, str, PaxosMessage], bool] = lambda source, destination, message: False
        self.kept: list[tuple[str, str, PaxosMessage]] = []
        self.sent: list[tuple[str, str, PaxosMessage]] = []
        self._contexts = 0

    def __getitem__(self, name: str) -> Driven:
        return self.nodes[name]

    def join(self, name: str, membership: Membership) -> None:
        self.nodes[name] = Driven(name, membership)

    def run(self) -> None:
        """Deliver until nobody has anything to say."""
        while True:
            batch = []
            for driven in self.nodes.values():
                driven.settle()
                batch += [(driven.name, destination, message) for destination, message in driven.outbox]
                driven.outbox = []
            if not batch:
                return
            for source, destination, message in batch:
                self.sent.append((source, destination, message))
                if self.drop(source, destination, message):
                    self.kept.append((source, destination, message))
                elif destination in self.nodes:
                    self.nodes[destination].step(source, message)

    def deliver_kept(self) -> None:
        """What was kept back arrives after all."""
        kept, self.kept = self.kept, []
        for source, destination, message in kept:
            self.nodes[destination].step(source, message)
        self.run()

    def isolate(self, *names: str) -> None:
        """Nothing from or to these nodes."""
        self.drop = lambda source, destination, message: source in names or destination in names

    def heal(self) -> None:
        self.drop = lambda source, destination, message: False

    def pass_time(self, ms: int, step_ms: int = 50) -> None:
        for _ in range(0, ms, step_ms):
            for driven in self.nodes.values():
                driven.pass_time(step_ms)
            self.run()

    def ask(self, at: str, what: str, *args: object) -> int:
        """Ask node ``at`` and deliver; returns the context."""
        self._contexts += 1
        driven = self.nodes[at]
        getattr(driven.node, what)(self._contexts, *args, driven.now)
        self.run()
        return self._contexts

    def outcome(self, at: str, what: str, *args: object) -> Outcome:
        """Ask, and wait for the outcome, which must come without the clock's help."""
        context = self.ask(at, what, *args)
        return self.nodes[at].results.pop(context)

    def change(self, at: str, name: str, change: Change) -> Outcome:
        return self.outcome(at, "change", name, change)

    def read(self, at: str, name: str) -> Outcome:
        return self.outcome(at, "read", name)

    def count(self, kind: type[Message]) -> int:
        """How many messages of a kind were sent since the last count."""
        number = sum(isinstance(message, kind) for _, _, message in self.sent)
        self.sent.clear()
        return number


def lost_to(destinations: Sequence[str], *kinds: type[Message]) -> Callable[[str, str, PaxosMessage], bool]:
    """Drops messages of these kinds to these nodes."""
    return lambda source, destination, message: destination in destinations and isinstance(message, kinds)
