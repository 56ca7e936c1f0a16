"""A simulated group: its nodes, its time, and the end, when the faults stop and progress must follow."""

from hashlib import blake2b
from random import Random

from consensus.conf import NodeConfig
from consensus.raft.node import Role
from consensus.simulator.agenda import Agenda
from consensus.simulator.checkers import Checkers
from consensus.simulator.faults import Faults
from consensus.simulator.ledger import Violation
from consensus.simulator.machine import Machine, World
from consensus.simulator.network import Life, Network
from consensus.simulator.profiles import PROFILES, Profile
from consensus.simulator.trace import Trace
from consensus.simulator.workload import Workload
from consensus.wire import PeerMessage

# Within so many of the longest election time-outs after the faults stop, everything must be as if nothing had been.
SETTLE_TIMEOUTS = 60
LOOK_EVERY = 32
# Nodes that are to join are started once there is a group, as people would.
SPARES_AFTER_TIMEOUTS = 4
# Where the log is trimmed at all.
KEPT_ENTRIES = 5


class Cluster:
    """Everything that happens follows from ``seed``, ``nodes`` and ``profile``."""

    def __init__(self, seed: int, nodes: int, profile: Profile = PROFILES["mixed"]):
        self.random = Random(f"{seed}/{nodes}/{profile.name}")
        self.agenda = Agenda()
        self.network = Network(self.random, self.agenda, profile.weather, self._arrive)
        founders = [f"n{i + 1}" for i in range(nodes)]
        spares = [f"s{i + 1}" for i in range(profile.spares)]
        self.checkers = Checkers()
        self.workload = Workload(self.random, self.agenda, self.checkers, profile)
        self.trace = Trace(self.agenda)
        self.world = World(
            self.random, profile, self.agenda, self.network, self.checkers, self.trace, self.workload.answered
        )
        timing = profile.timing
        self.machines = {
            name: Machine(
                NodeConfig(
                    group="sim",
                    node=name,
                    redis_url="",
                    # Those who come later are told of each other: the founders may all be gone by then.
                    members=dict.fromkeys((*founders, *spares) if name in spares else founders, ""),
                    heartbeat_interval_ms=timing.heartbeat_ms,
                    election_tick_ms=timing.tick_ms,
                    election_timeout_min_ms=timing.election_ms[0],
                    election_timeout_max_ms=timing.election_ms[1],
                    log_keep_entries=KEPT_ENTRIES,
                    log_keep_s=0.1,
                    lease_reads=profile.lease_reads,
                ),
                self.world,
            )
            for name in (*founders, *spares)
        }
        self.checkers.machines = self.machines
        for name in founders:
            self.machines[name].start()
        for name in spares:
            self.agenda.after(SPARES_AFTER_TIMEOUTS * timing.election_ms[1], self.machines[name].start)

    @property
    def steps(self) -> int:
        """How many events the nodes have handled."""
        return self.world.steps

    def _arrive(self, source: str, destination: str, life: Life, message: PeerMessage) -> None:
        self.machines[destination].receive(source, life, message)

    def run(self, steps: int) -> None:
        """``steps`` steps with faults and clients, then none, and the group must come to rest."""
        world, proceed, machines = self.world, self.agenda.proceed, list(self.machines.values())
        faults = Faults(world, machines)
        self.workload.begin(machines)
        while world.steps < steps:
            proceed()
        faults.stop()
        self.workload.stop()
        self._settle()

    def run_for(self, duration_ms: float) -> None:
        """Let time pass, without faults or clients of its own."""
        end_ms = self.agenda.now_ms + duration_ms
        while self.agenda.now_ms < end_ms:
            self.agenda.proceed()

    def _settle(self) -> None:
        """With the faults gone, one leader, one log, and a new write that everybody applies."""
        last, again_ms = None, 0.0
        duration_ms = SETTLE_TIMEOUTS * self.world.profile.timing.election_ms[1]
        deadline_ms = self.agenda.now_ms + duration_ms
        while self.agenda.now_ms < deadline_ms:
            for _ in range(LOOK_EVERY):
                self.agenda.proceed()
            leader = self.leader()
            # A write that ran out of time is unknown, no failure: after its deadline another one is tried.
            if leader is not None and (last is None or last.refused or self.agenda.now_ms > again_ms):
                last, again_ms = self.workload.write(leader), self.agenda.now_ms + self.workload.patience_ms
            if last is not None and last.answer and self._level():
                self.workload.check()
                return
        raise Violation(f"no progress within {duration_ms} ms after the faults stopped")

    def _level(self) -> bool:
        """Whether everybody has applied everything, and nobody's tables differ by damage; `Checkers` has seen that what
        was applied was the same everywhere."""
        leader, committed = self.leader(), len(self.checkers.committed)
        if leader is None or not leader.driver.node.membership_settled:  # type: ignore[union-attr]
            return False
        membership = leader.driver.node.membership  # type: ignore[union-attr]
        members = [self.machines[name] for name in sorted(membership.everybody)]
        # Who lost the database that the group knows is out.
        level = [one.tables for one in members if membership.identities[one.name].incarnation == one.disk.incarnation]
        return len({one.damage for one in level}) == 1 and all(one.applied_index() == committed for one in level)

    def leader(self) -> Machine | None:
        for machine in self.machines.values():
            if machine.driver is not None and machine.driver.node.role is Role.LEADER:
                return machine
        return None

    def digest(self) -> str:
        """The same for the same run, whatever process it ran in."""
        summary = (self.random.getstate(), self.agenda.now_ms, self.steps, self.checkers.committed)
        return blake2b(repr(summary).encode(), digest_size=8).hexdigest()
