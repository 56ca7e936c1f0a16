"""Membership changes of a simulated group: joint, every register carried over, then the new voters alone.

Each node hears of a new membership in its own time, as it would from its log; who coordinates may die in the middle.
"""

from collections.abc import Sequence
from random import Random

from consensus.paxos.node import Outcome
from consensus.paxos.quorum import Membership
from consensus.paxos.work import Kind
from consensus.simulator.paxos.machine import Machine

FIRST_CONTEXT = 1 << 40


class MembershipChange:
    def __init__(self, random: Random, memberships: dict[int, Membership], machines: Sequence[Machine]):
        self._random = random
        self._memberships = memberships
        self._machines = machines
        self._contexts = FIRST_CONTEXT
        self._coordinator: Machine | None = None
        self._names: list[str] = []
        self._pages_left = False
        self._running: tuple[int, str] | None = None  # the context, and the name; "" for a page

    @property
    def latest(self) -> Membership:
        return self._memberships[max(self._memberships)]

    @property
    def finished(self) -> bool:
        """No change is under way, and everybody knows of the last."""
        return not self.latest.outgoing and all(one.membership is self.latest for one in self._machines)

    def step(self, now_ms: int, begin: bool) -> None:
        for machine in self._machines:
            if machine.membership is not self.latest and self._random.random() < 0.05:
                machine.adopt(self.latest)
        if self.latest.outgoing:
            self._carry_over(now_ms)
        elif begin and self.finished:
            self._begin()

    def _begin(self) -> None:
        """Joint: other voters, as many as there may be; those that are neither old nor new are learners."""
        names = [machine.name for machine in self._machines]
        voters = tuple(self._random.sample(names, self._random.randint(3, len(names))))
        old = self.latest.voters
        learners = tuple(name for name in names if name not in voters and name not in old)
        self._add(Membership(self.latest.version + 1, voters, old, learners))

    def _add(self, membership: Membership) -> None:
        self._memberships[membership.version] = membership

    def _carry_over(self, now_ms: int) -> None:
        if self._coordinator is None:
            ready = [one for one in self._machines if one.node is not None and one.membership is self.latest]
            if not ready:
                return
            self._coordinator = self._random.choice(ready)
            self._names, self._pages_left = [], True
        if self._running is not None:
            return
        self._contexts += 1
        node = self._coordinator.node
        assert node is not None
        if self._pages_left:
            self._running = (self._contexts, "")
            node.list_registers(self._contexts, self._names[-1] if self._names else "", now_ms)
        elif self._names:
            self._running = (self._contexts, self._names[-1])
            node.carry_over(self._contexts, self._names[-1], now_ms)
        else:
            self._coordinator = None
            joint = self.latest
            names = [machine.name for machine in self._machines]
            learners = tuple(name for name in names if name not in joint.voters)
            self._add(Membership(joint.version + 1, joint.voters, (), learners))

    def answered(self, context: int, outcome: Outcome) -> None:
        if self._running is None or self._running[0] != context:
            return
        name = self._running[1]
        self._running = None
        if outcome.kind is not Kind.DONE:
            return
        if name:
            self._names.remove(name)
        else:
            self._names += outcome.names
            self._pages_left = outcome.more

    def lost(self, name: str) -> None:
        if self._coordinator is not None and self._coordinator.name == name:
            self._coordinator, self._running = None, None
