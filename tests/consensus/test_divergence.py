"""A node whose tables were changed behind its back, in a simulated group with the production driver."""

from consensus.raft.node import Role
from consensus.requests import Answer, ReadRequest, RebuildRequest
from consensus.simulator.cluster import Cluster
from consensus.simulator.machine import Machine
from consensus.simulator.profiles import PROFILES


class Group:
    """Three nodes whose tables are compared when a test says so; nothing else goes wrong."""

    def __init__(self) -> None:
        self.cluster = Cluster(1, 3, PROFILES["calm"])
        self.until(lambda: self.leader is not None)
        self.cluster.run_for(1000)

    @property
    def leader(self) -> Machine | None:
        return self.cluster.leader()

    def follower(self) -> Machine:
        return next(one for one in self.cluster.machines.values() if one is not self.leader)

    def until(self, condition) -> None:
        for _ in range(2000):
            if condition():
                return
            self.cluster.run_for(10)
        raise AssertionError("it did not come to that")

    def compare(self) -> None:
        assert self.leader is not None
        for _ in range(5):  # entries after the mark that come with it
            self.cluster.workload.write(self.leader)
        self.leader._events.verify_due = True
        for _ in range(5):
            self.cluster.workload.write(self.leader)

    def damage(self, machine: Machine) -> None:
        machine.tables.damage = 1
        self.compare()
        self.until(lambda: machine.disk.diverged)


def verification(machine: Machine):
    return machine.driver.upkeep.verification


def test_sound_nodes_are_verified_under_load() -> None:
    group = Group()
    for _ in range(10):
        group.compare()
        group.cluster.run_for(200)
    group.until(lambda: all(verification(one).verified_index for one in group.cluster.machines.values()))
    assert not any(one.disk.diverged for one in group.cluster.machines.values())


def test_a_diverged_node_stands_still_and_refuses_what_it_is_asked() -> None:
    group = Group()
    odd = group.follower()
    group.damage(odd)
    applied = odd.tables.applied_index()
    write = group.cluster.workload.write(odd)
    other = group.cluster.workload.write(group.leader)
    group.until(lambda: other.answer)
    group.cluster.run_for(3000)
    assert write.answer is None and odd.tables.applied_index() == applied
    assert odd.driver.own_report(0).diverged


def test_a_diverged_node_refuses_a_read_at_once() -> None:
    group = Group()
    odd = group.follower()
    group.damage(odd)
    answers: list[Answer] = []
    group.cluster.world.publish = lambda machine, told: answers.extend(told.get("test", ()))
    odd.request(ReadRequest("test", 1, 5000))
    group.until(lambda: answers)
    assert [answer.status for answer in answers] == ["diverged"]


def test_a_leader_that_diverged_hands_over_and_leaves_elections_to_others() -> None:
    group = Group()
    odd = group.leader
    assert odd is not None
    group.damage(odd)
    group.until(lambda: group.leader not in (None, odd))
    for machine in group.cluster.machines.values():
        if machine is not odd:
            machine.pause(True)
    term = odd.driver.node.term
    group.cluster.run_for(4000)
    assert odd.driver.node.role is Role.FOLLOWER and odd.driver.node.term == term


def test_it_outlives_a_restart_and_ends_with_the_rebuilding() -> None:
    group = Group()
    odd = group.follower()
    group.damage(odd)
    odd.crash(lose_tables=False)
    odd.start()
    group.cluster.run_for(2000)
    assert verification(odd).diverged and odd.driver.upkeep.halted
    refused = group.cluster.workload.write(odd)
    group.cluster.run_for(1000)
    assert refused.answer is None
    odd.request(RebuildRequest("", 0, 1000))
    group.until(lambda: not odd.disk.diverged)
    assert not odd.tables.damage and not odd.driver.upkeep.halted
    answered = group.cluster.workload.write(odd)
    group.until(lambda: answered.answer)
    group.compare()
    group.until(lambda: verification(odd).verified_index)
