"""Clients on all nodes at once: they change, read, delete and retry, and check what they are told."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from consensus.paxos.node import Outcome, PaxosNode
from consensus.paxos.register import Change, Register, delete, put
from consensus.paxos.work import Kind
from consensus.simulator.ledger import Violation
from consensus.simulator.paxos import history
from consensus.simulator.paxos.checkers import Checkers
from consensus.simulator.paxos.history import APPEND, DELETE, PUT, READ, Operation
from consensus.simulator.paxos.machine import Machine

REGISTERS = ("r1", "r2", "r3")
MAX_OPEN = 8
CERTAIN = (Kind.DONE, Kind.CONFLICT, Kind.REUSED, Kind.TOO_LARGE, Kind.WRONG_KIND)


@dataclass(slots=True)
class Open:
    """An operation that a node works on. ``unsure``: an earlier asking may have done it."""

    name: str
    operation: Operation
    machine: str
    unsure: bool = False


class Workload:
    def __init__(self, random: Random, checkers: Checkers):
        self._random = random
        self._checkers = checkers
        self._events = 0
        self._contexts = 0
        self._open: dict[int, Open] = {}
        self._waiting: list[Open] = []
        self._seen_versions: dict[str, int] = {}
        self._decided: dict[str, bytes] = {}
        self._deciding: dict[int, tuple[str, str]] = {}
        self._erasing: dict[int, str] = {}
        self._denied: dict[str, str] = {}
        self.operations: dict[str, list[Operation]] = {}
        self.done = 0

    def step(self, machines: Sequence[Machine], now_ms: int) -> None:
        """Perhaps begin or retry something, at a random node."""
        running = [machine for machine in machines if machine.node is not None]
        if not running or self._random.random() > 0.5:
            return
        machine = self._random.choice(running)
        assert machine.node is not None
        if self._waiting and self._random.random() < 0.3:
            self._ask(machine, self._waiting.pop(self._random.randrange(len(self._waiting))), now_ms)
        elif self._random.random() < 0.03:
            self.decide(machine, f"d{self._random.randint(1, 4)}", now_ms)
        elif self._random.random() < 0.05:
            tombstones = machine.node.tombstones()
            if tombstones:
                self.erase(machine, self._random.choice(tombstones), now_ms)
        elif len(self._open) < MAX_OPEN:
            kind = self._random.choice((PUT, PUT, APPEND, DELETE, READ, READ))
            self.begin(machine, self._random.choice(REGISTERS), kind, now_ms)

    def begin(self, machine: Machine, name: str, kind: str, now_ms: int, plain: bool = False) -> Operation:
        """``plain``: a change without conditions."""
        self._events += 1
        operations = self.operations.setdefault(name, [])
        request_id = f"{name}/{len(operations)};"
        expected = None
        if kind in (PUT, DELETE) and not plain and self._random.random() < 0.5:
            expected = self._random.choice((0, self._seen_versions.get(name, 0)))
        operation = Operation(request_id, kind, self._events, expected)
        operations.append(operation)
        self._checkers.written[request_id] = None if kind == DELETE else request_id.encode()
        self._ask(machine, Open(name, operation, machine.name), now_ms)
        return operation

    def _ask(self, machine: Machine, asking: Open, now_ms: int) -> None:
        self._contexts += 1
        asking.machine = machine.name
        self._open[self._contexts] = asking
        node, operation = machine.node, asking.operation
        assert node is not None
        if operation.kind == READ:
            node.read(self._contexts, asking.name, now_ms)
        else:
            node.change(self._contexts, asking.name, change_of(operation), now_ms)

    def decide(self, machine: Machine, name: str, now_ms: int) -> None:
        self._contexts += 1
        self._deciding[self._contexts] = (machine.name, name)
        value = f"{machine.name}/{self._contexts}".encode()
        self._checkers.decrees.add(value)
        _node(machine).decide(self._contexts, name, value, now_ms)

    def erase(self, machine: Machine, name: str, now_ms: int) -> int:
        self._contexts += 1
        self._erasing[self._contexts] = machine.name
        _node(machine).erase(self._contexts, name, now_ms)
        return self._contexts

    def answered(self, context: int, outcome: Outcome) -> bool:
        """Whether the answer was for a client."""
        if context in self._erasing:
            del self._erasing[context]
        elif context in self._deciding:
            self._decide_answered(self._deciding.pop(context)[1], outcome)
        elif context in self._open:
            self._operation_answered(self._open.pop(context), outcome)
        else:
            return False
        return True

    def _decide_answered(self, name: str, outcome: Outcome) -> None:
        if outcome.kind is Kind.DONE and self._decided.setdefault(name, outcome.value or b"") != outcome.value:
            raise Violation(f"{name} was decided as {self._decided[name]!r}, now as {outcome.value!r}")

    def _operation_answered(self, asking: Open, outcome: Outcome) -> None:
        operation = asking.operation
        if outcome.kind not in CERTAIN:
            asking.unsure = asking.unsure or outcome.kind is Kind.UNKNOWN
            self._unsettled(asking)
            return
        self._events += 1
        self.done += 1
        operation.ended = self._events
        operation.version, operation.value = outcome.version, outcome.value
        version = self._checkers.chain(asking.name).versions.get(operation.request_id)
        if operation.kind != READ and outcome.kind is Kind.DONE:
            operation.changed = True
            if version != outcome.version:
                raise Violation(f"{operation} was told version {outcome.version}, but {version} was chosen")
        else:
            self._denied[operation.request_id] = asking.name
        if outcome.value is not None and outcome.kind is not Kind.TOO_LARGE:
            self._seen_versions[asking.name] = max(self._seen_versions.get(asking.name, 0), outcome.version)

    def _unsettled(self, asking: Open) -> None:
        """Ask again with the same request id, or leave it; if nothing ever left, it has certainly not been done."""
        if self._random.random() < 0.7:
            self._waiting.append(asking)
        elif not asking.unsure:
            self._denied[asking.operation.request_id] = asking.name

    def lost(self, machine: str) -> None:
        """A node died with what it was asked."""
        for context in [context for context, asking in self._open.items() if asking.machine == machine]:
            asking = self._open.pop(context)
            asking.unsure = True
            self._unsettled(asking)
        for kept in (self._deciding, self._erasing):
            for context in [context for context, owner in kept.items() if machine in (owner, owner[0])]:
                del kept[context]

    @property
    def idle(self) -> bool:
        return not self._open and not self._deciding and not self._erasing

    def drop_retries(self) -> None:
        self._waiting.clear()

    def check(self) -> None:
        """Whole histories: linearizable, and nothing was done that a client was told is not."""
        for request_id, name in self._denied.items():
            if request_id in self._checkers.chain(name).versions:
                raise Violation(f"{request_id} was denied, but took effect")
        for name, operations in self.operations.items():
            applied = self._checkers.chain(name).versions
            for operation in operations:
                operation.changed = operation.request_id in applied
            history.check(operations, applied)


def change_of(operation: Operation) -> Change:
    own = operation.request_id.encode()
    match operation.kind:
        case history.PUT:
            return put(operation.request_id, own, operation.expected_version)
        case history.DELETE:
            return delete(operation.request_id, operation.expected_version)
        case _:
            return Change(operation.request_id, lambda register: appended(register, own))


def appended(register: Register, own: bytes) -> bytes:
    return (register.value or b"") + own


def _node(machine: Machine) -> PaxosNode:
    assert machine.node is not None
    return machine.node
