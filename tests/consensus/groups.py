"""A calm simulated group, driven by a test from outside."""

from collections.abc import Callable
from dataclasses import replace

from consensus.requests import Answer, ChangeRequest
from consensus.simulator.cluster import Cluster
from consensus.simulator.machine import Machine
from consensus.simulator.profiles import PROFILES
from consensus.wire import Change, ChangeNote, PeerMessage


class Group(Cluster):
    """A calm group that tells what the nodes answer, and into which strangers may come."""

    def __init__(self, nodes: int = 3, spares: int = 0):
        super().__init__(1, nodes, replace(PROFILES["calm"], spares=spares))
        self.answers: list[Answer] = []
        self.world.publish = self._take

    def _take(self, machine: Machine, answers) -> None:
        self.answers += answers.get("test", ())

    def until(self, condition, most_ms: int = 20_000) -> None:
        end_ms = self.agenda.now_ms + most_ms
        while not condition():
            assert self.agenda.now_ms < end_ms, "it does not come to that"
            self.run_for(5)

    def settled(self) -> Machine:
        """The leader, once everybody follows it and has applied everything."""
        self.until(lambda: self.leader() is not None and self._all_follow())
        leader = self.leader()
        assert leader is not None
        return leader

    def _all_follow(self) -> bool:
        drivers = [machine.driver for machine in self.machines.values() if machine.driver is not None]
        return len({driver.node.leader for driver in drivers if not driver.admission.outside}) == 1

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            self.workload.write(self.settled())
        self.until(self._level)

    def goes_on(self) -> bool:
        """Whether a write is committed, though somebody may be away."""
        before = len(self.checkers.committed)
        self.workload.write(self.settled())
        self.until(lambda: len(self.checkers.committed) > before)
        return True

    def change(self, change: Change, node: str) -> Answer:
        """Asked of a follower, so that it is forwarded."""
        leader = self.settled()
        follower = next(
            m for m in self.machines.values() if m.driver is not None and m.driver.node.leader == leader.name
        )
        before = len(self.answers)
        follower.request(ChangeRequest("test", 1, 5000, ChangeNote(change, node, "admin")))
        self.until(lambda: len(self.answers) > before)
        return self.answers[-1]

    def remove(self, name: str) -> None:
        """Take it out of the group, and switch it off."""
        self.until(lambda: self.settled().driver.node.membership_settled)
        assert self.change(Change.REMOVE, name).status == "ok"
        self.until(lambda: name not in self.settled().driver.node.membership.everybody)
        self.until(lambda: self.settled().driver.node.membership_settled)
        self.machines[name].crash()

    def wipe(self, name: str) -> Machine:
        """Its database is lost; it starts again under its old name."""
        machine = self.machines[name]
        machine.lose_database()
        machine.start()
        return machine


def with_learner() -> Group:
    """Three voters and the learner s1: its name sorts last, and its log is as long as any."""
    group = Group(spares=1)
    group.write()
    group.until(lambda: "s1" in group.settled().driver.admission.joining)
    assert group.change(Change.ADD_LEARNER, "s1").status == "ok"
    group.write()
    return group


def drop(group: Group, lost: Callable[[str, str, PeerMessage], bool]) -> None:
    """What ``lost(source, destination, message)`` says does not arrive."""
    arrive = group.network._arrive

    def filtered(source, destination, life, message) -> None:
        if not lost(source, destination, message):
            arrive(source, destination, life, message)

    group.network._arrive = filtered


def deliver_all(group: Group) -> None:
    """Everything arrives again."""
    group.network._arrive = group._arrive
