"""A simulated group: time, faults, and the end, when the faults stop and progress must follow."""

from collections import deque
from random import Random

from consensus.conf import NodeConfig
from consensus.raft.node import Role
from consensus.simulator.checkers import Checkers, Violation
from consensus.simulator.machine import Machine
from consensus.simulator.network import Network, Weather
from consensus.simulator.workload import Workload
from consensus.wire import TransferRequest

SETTLE_MS = 60_000


class Cluster:
    """Everything that happens follows from ``seed`` and ``nodes``."""

    def __init__(self, seed: int, nodes: int):
        self.random = Random(f"{seed}/{nodes}")
        self.network = Network(self.random)
        self.checkers = Checkers()
        self.workload = Workload(self.random, self.checkers)
        self.trace: deque[str] = deque(maxlen=60)
        self.steps = 0
        names = [f"n{i + 1}" for i in range(nodes)]
        self.machines = {
            name: Machine(
                NodeConfig(group="sim", node=name, redis_url="", members=dict.fromkeys(names, "")),
                self.random,
                self.network,
                lambda source, answers: self.workload.answered(self.machines[source], answers),
            )
            for name in names
        }
        for machine in self.machines.values():
            machine.start()

    def run(self, steps: int) -> None:
        """``steps`` steps with faults and clients, then none, and the group must come to rest."""
        try:
            for _ in range(steps):
                if self.random.random() < 0.02:
                    self._fault()
                self.workload.step(list(self.machines.values()))
                self._step()
            self._settle()
        except (AssertionError, KeyError) as error:
            raise Violation(f"{error}\n" + "\n".join(self.trace)) from error

    def _step(self) -> None:
        self.steps += 1
        passed_ms = self.random.choice((1, 2, 5, 10))
        self.network.now_ms += passed_ms
        for source, destination, epoch, message in self.network.due():
            self._note(f"{source} > {destination} {message}")
            self.machines[destination].receive(source, epoch, message)
        for machine in self.machines.values():
            drift = self.random.choice((0, 1, 1, 1, 1, 2))
            machine.step(passed_ms * drift)
        self.checkers.check(self.machines.values())
        if self.steps % 100 == 0:
            self.checkers.log_matching(list(self.machines.values()))

    def _note(self, line: str) -> None:
        self.trace.append(f"{self.network.now_ms:8d} ms  {line[:200]}")

    def _fault(self) -> None:
        machine = self.random.choice(list(self.machines.values()))
        match self.random.randrange(10):
            case 0:
                back = self.random.random() < 0.5
                self._note(f"crash {machine.name}{' and start again' if back else ''}")
                machine.crash()
                if back:
                    machine.start()
            case 1 | 2:
                for one in self.machines.values():
                    if not one.running:
                        one.start()
                    one.paused = one.scheduler_stopped = False
            case 3:
                machine.paused = not machine.paused
            case 4:
                self._cut()
            case 5:
                self.network.cut.clear()
            case 6:
                lose, double, late = (self.random.choice((0.0, 0.05, 0.3)) for _ in range(3))
                self.network.weather = Weather(lose, double, self.random.choice((2, 20, 300)), late / 10)
            case 7:
                self._restart_storm()
            case 8:
                machine.disk.crash_chance = self.random.choice((0.0, 0.0, 0.02, 0.2))
            case _:
                machine.scheduler_stopped = self.random.random() < 0.3
                machine.request(TransferRequest("", 0, 1000, self.random.choice(("", *self.machines))))

    def _restart_storm(self) -> None:
        """Everybody loses power in the same minute: elections among nodes that remember only what is on disk."""
        self._note("everybody restarts")
        for one in self.machines.values():
            one.crash()
            one.start()

    def _cut(self) -> None:
        """One node, or half of them, lose the others; sometimes only one way."""
        names = list(self.machines)
        inside = set(self.random.sample(names, self.random.randint(1, max(1, len(names) // 2))))
        both = self.random.random() < 0.6
        for one in inside:
            for other in set(names) - inside:
                self.network.cut.add((one, other))
                if both:
                    self.network.cut.add((other, one))
        self._note(f"cut {sorted(inside)} {'both ways' if both else 'one way'}")

    def _settle(self) -> None:
        """With the faults gone, one leader, one log, and a new write that everybody applies."""
        self.network.cut.clear()
        self.network.weather = Weather()
        for machine in self.machines.values():
            machine.disk.crash_chance = 0.0
            machine.paused = machine.scheduler_stopped = False
            if not machine.running:
                machine.start()
        last = None
        deadline_ms = self.network.now_ms + SETTLE_MS
        while self.network.now_ms < deadline_ms:
            self._step()
            leader = self.leader()
            if leader is not None and last is None:
                last = self.workload.write(leader)
            elif last is not None and last.refused:
                last = None
            if last is not None and last.answers and self._level():
                self.checkers.log_matching(list(self.machines.values()))
                self.workload.check()
                return
        raise Violation(f"no progress within {SETTLE_MS} ms after the faults stopped")

    def _level(self) -> bool:
        applied = [machine.tables.applied for machine in self.machines.values()]
        return all(one == applied[0] for one in applied)

    def leader(self) -> Machine | None:
        for machine in self.machines.values():
            if machine.driver is not None and machine.driver.node.role is Role.LEADER:
                return machine
        return None
