"""A simulated group: time, faults, a changing membership, and the end, when faults stop and progress must follow."""

from collections import deque
from collections.abc import Iterator
from random import Random

from consensus.paxos.ballot import ZERO
from consensus.paxos.errors import SafetyViolation
from consensus.paxos.messages import PaxosMessage
from consensus.paxos.node import Outcome, Ready
from consensus.paxos.quorum import Membership
from consensus.simulator.ledger import Violation
from consensus.simulator.paxos.change import MembershipChange
from consensus.simulator.paxos.checkers import Checkers
from consensus.simulator.paxos.machine import Machine
from consensus.simulator.paxos.network import Network, Weather
from consensus.simulator.paxos.trace import describe, describe_record
from consensus.simulator.paxos.workload import REGISTERS, Workload

SETTLE_MS = 60_000
VOTERS = 3


class Cluster:
    """Everything that happens follows from ``seed`` and ``nodes``. Of more than three nodes the others begin as
    learners, and the voters change."""

    def __init__(self, seed: int, nodes: int):
        self.random = Random(f"{seed}/{nodes}")
        self.network = Network(self.random)
        self.trace: deque[str] = deque(maxlen=80)
        self.steps = 0
        names = tuple(f"n{i + 1}" for i in range(nodes))
        first = Membership(1, names[:VOTERS], (), names[VOTERS:])
        self.memberships = {1: first}
        self.checkers = Checkers(self.memberships, names)
        self.workload = Workload(self.random, self.checkers)
        self.machines = [Machine(name, first, self.random, self.network, self) for name in names]
        self.by_name = {machine.name: machine for machine in self.machines}
        self.change = MembershipChange(self.random, self.memberships, self.machines)
        for machine in self.machines:
            machine.start()

    def run(self, steps: int) -> None:
        """``steps`` steps with faults and clients, then none, and the group must come to rest."""
        try:
            for _ in range(steps):
                if self.random.random() < 0.02:
                    self._fault()
                self.workload.step(self.machines, self.network.now_ms)
                if len(self.machines) > VOTERS:
                    self.change.step(self.network.now_ms, begin=self.random.random() < 0.003)
                self._step()
            self._settle()
        except (AssertionError, SafetyViolation) as error:
            raise Violation(f"{error}\n" + "\n".join(self.trace)) from error

    def _step(self) -> None:
        self.steps += 1
        self.network.now_ms += self.random.choice((1, 2, 5, 10))
        for source, destination, message in self.network.due():
            self._note(f"{source} > {destination} {describe(message)}")
            self.by_name[destination].receive(source, message)
        for machine in self.machines:
            machine.step()

    def _note(self, line: str) -> None:
        self.trace.append(f"{self.network.now_ms:8d} ms  {line[:240]}")

    # --- what machines do (implements `machine.Watch`) -----------------------------------------------------------
    def sent(self, machine: Machine, message: PaxosMessage) -> None:
        self.checkers.sent(machine, message)

    def wrote(self, machine: Machine, ready: Ready) -> None:
        records = "; ".join(describe_record(*pair) for pair in ready.records)
        self._note(f"{machine.name} writes {ready.hard_state or ''} {records}")
        self.checkers.wrote(machine, ready, {one.name: one.disk.records for one in self.machines})

    def learned(self, name: str, ready: Ready) -> None:
        self.checkers.learned(name, ready)

    def answered(self, context: int, outcome: Outcome) -> None:
        self._note(f"request {context}: {outcome}")
        if not self.workload.answered(context, outcome):
            self.change.answered(context, outcome)

    def lost(self, name: str) -> None:
        self._note(f"crash {name}")
        self.workload.lost(name)
        self.change.lost(name)

    # --- faults --------------------------------------------------------------------------------------------------
    def _fault(self) -> None:
        machine = self.random.choice(self.machines)
        match self.random.randrange(9):
            case 0:
                machine.crash()
                if self.random.random() < 0.5:
                    machine.start()
            case 1 | 2:
                for one in self.machines:
                    if one.node is None:
                        one.start()
            case 3:
                self._cut()
            case 4:
                self.network.cut.clear()
            case 5:
                lose, double, late = (self.random.choice((0.0, 0.05, 0.3)) for _ in range(3))
                self.network.weather = Weather(lose, double, self.random.choice((2, 20, 300)), late / 10)
            case 6:
                self._note("everybody restarts")
                for one in self.machines:
                    one.crash()
                    one.start()
            case 7:
                machine.crash_chance = self.random.choice((0.0, 0.0, 0.01, 0.1))
            case _:
                for one in self.machines:
                    if one.node is not None:
                        self.workload.begin(one, self.random.choice(REGISTERS), "put", self.network.now_ms)

    def _cut(self) -> None:
        """One node, or half of them, lose the others; sometimes only one way."""
        names = list(self.by_name)
        inside = self.random.sample(names, self.random.randint(1, max(1, len(names) // 2)))
        both = self.random.random() < 0.6
        for one in inside:
            for other in names:
                if other not in inside:
                    self.network.cut.add((one, other))
                    if both:
                        self.network.cut.add((other, one))
        self._note(f"cut {inside} {'both ways' if both else 'one way'}")

    # --- the end -------------------------------------------------------------------------------------------------
    def _settle(self) -> None:
        """No faults: duels end, every node writes, all learn the same, and what is deleted and erased is gone."""
        self.network.cut.clear()
        self.network.weather = Weather()
        for machine in self.machines:
            machine.crash_chance = 0.0
            if machine.node is None:
                machine.start()
        phases = self._phases()
        goal = next(phases)
        deadline_ms = self.network.now_ms + SETTLE_MS
        while goal:
            if self.network.now_ms > deadline_ms:
                raise Violation(f"no progress within {SETTLE_MS} ms after the faults stopped: {goal}")
            self.change.step(self.network.now_ms, begin=False)
            self._step()
            goal = next(phases)
        self.workload.check()

    def _phases(self) -> Iterator[str]:
        """Each yield waits a step; what it yields says for what."""
        self.workload.drop_retries()
        while not (self.change.finished and self.workload.idle):
            yield "the membership change and open requests end"
        writes = [
            self.workload.begin(machine, name, "put", self.network.now_ms, plain=True)
            for name in REGISTERS
            for machine in self.machines
        ]
        while not all(write.ended for write in writes):
            yield "every node writes every register"
        self.workload.drop_retries()
        while not self._level():
            yield "all learn the same"
        for name in REGISTERS:
            self.workload.begin(self.machines[0], name, "delete", self.network.now_ms, plain=True)
        while self.machines[0].node.tombstones() != sorted(REGISTERS) and not self.workload.idle:  # type: ignore[union-attr]
            yield "the registers are deleted"
        while any(self._held(machine, name) for name in REGISTERS for machine in self.machines):
            for machine in self.machines:
                if self.workload.idle:
                    for name in machine.node.tombstones():  # type: ignore[union-attr]
                        self.workload.erase(machine, name, self.network.now_ms)
            yield "tombstones are erased"
        yield ""

    def _held(self, machine: Machine, name: str) -> bool:
        record = machine.disk.records.get(name)
        return record is not None and record.accepted != ZERO

    def _level(self) -> bool:
        """Everybody has learned what was chosen last, of everything."""
        for name in self.checkers.chains:
            learned = {str(machine.node.learned(name)) for machine in self.machines if machine.node is not None}
            if len(learned) != 1:
                return False
        return True
