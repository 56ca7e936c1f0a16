"""Registers on whole nodes, in a simulated group: with their disks, their admission and their membership."""

from collections.abc import Callable
from itertools import count

import pytest

from consensus.raft.node import Role
from consensus.requests import (
    Answer,
    ChangeRequest,
    RegisterNewsRequest,
    RegisterRequest,
    register_news_decoder,
    register_outcome_decoder,
)
from consensus.simulator.cluster import Cluster
from consensus.simulator.machine import Machine
from consensus.simulator.profiles import PROFILES
from consensus.wire import Change, ChangeNote

PATIENCE_MS = 60_000
LIST = "registers"


class Asking:
    """A process of each node of ``cluster``, which asks and is answered."""

    def __init__(self, profile: str = "calm"):
        self.cluster = cluster = Cluster(1, 3, PROFILES[profile])
        self._tokens = count(1)
        self._answers: dict[int, Answer] = {}
        publish = cluster.world.publish

        def listen(machine: Machine, answers) -> None:
            self._answers |= {answer.token: answer for answer in answers.get(LIST, ())}
            publish(machine, {key: group for key, group in answers.items() if key != LIST})

        cluster.world.publish = listen
        self.until(lambda: cluster.leader() is not None)

    def until(self, condition: Callable[[], object]) -> None:
        end_ms = self.cluster.agenda.now_ms + PATIENCE_MS
        while not condition():
            assert self.cluster.agenda.now_ms < end_ms, "it did not happen"
            self.cluster.run_for(10)

    def ask(self, node: str, kind: type, *arguments: object) -> Answer:
        token = next(self._tokens)
        self.cluster.machines[node].request(kind(LIST, token, 5000, *arguments))
        self.until(lambda: token in self._answers)
        return self._answers[token]

    def put(self, node: str, name: str, value: bytes) -> Answer:
        return self.ask(node, RegisterRequest, name, f"{name} {value!r}", value, value)

    def get(self, node: str, name: str) -> bytes | None:
        return register_outcome_decoder.decode(self.ask(node, RegisterRequest, name, "", b"", b"").result).value

    def known(self, node: str) -> dict[str, bytes | None]:
        news = register_news_decoder.decode(self.ask(node, RegisterNewsRequest, 0, 0).result)
        return {state.name: state.value for state in news.registers}

    def change(self, change: Change, node: str) -> None:
        """Ask the leader for it until it is settled."""
        note = ChangeNote(change, node, actor="test")
        self.until(lambda: (leader := self.cluster.leader()) and self._begun(leader.name, note))
        self.until(lambda: (leader := self.cluster.leader()) is not None and leader.driver.node.membership_settled)

    def _begun(self, leader: str, note: ChangeNote) -> bool:
        return self.ask(leader, ChangeRequest, note).status == "ok"


@pytest.fixture
def asking() -> Asking:
    return Asking()


def test_what_one_node_chose_all_know_though_nobody_asks(asking: Asking) -> None:
    assert asking.put("n1", "a", b"1").status == "ok"
    asking.cluster.run_for(1000)
    assert [asking.known(node) for node in ("n1", "n2", "n3")] == [{"a": b"1"}] * 3


def test_without_a_leader_a_majority_is_enough(asking: Asking) -> None:
    leader = asking.cluster.leader()
    leader.crash()
    one, other = (name for name, machine in asking.cluster.machines.items() if machine is not leader)
    assert asking.put(one, "a", b"1").status == "ok"
    assert asking.cluster.leader() is None, "this took no longer than the nodes need to notice"
    assert asking.get(other, "a") == b"1"


def test_without_a_majority_nothing_is_done(asking: Asking) -> None:
    one, *others = asking.cluster.machines.values()
    for other in others:
        other.crash()
    assert asking.put(one.name, "a", b"1").status == "no_majority"


def test_every_promise_survives_a_crash_of_all(asking: Asking) -> None:
    asking.put("n1", "a", b"1")
    machines = list(asking.cluster.machines.values())
    for machine in machines:
        machine.crash()
    for machine in machines:
        machine.start()
    asking.until(lambda: asking.cluster.leader() is not None and all(m.driver.admission.admitted for m in machines))
    assert asking.get("n2", "a") == b"1"
    assert asking.put("n3", "a", b"2").status == "ok" and asking.get("n1", "a") == b"2"


def test_a_node_that_missed_what_was_chosen_finds_out_though_who_told_it_is_gone(asking: Asking) -> None:
    away, teller = (m for m in asking.cluster.machines.values() if m.driver.node.role is not Role.LEADER)
    away.crash()
    assert asking.put(teller.name, "a", b"1").status == "ok"
    asking.cluster.run_for(1000)
    teller.crash()
    away.start()
    asking.until(lambda: asking.known(away.name) == {"a": b"1"})


def test_a_node_that_the_others_have_not_confirmed_takes_no_part(asking: Asking) -> None:
    machines = list(asking.cluster.machines.values())
    for machine in machines:
        machine.crash()
    machines[0].start()
    asking.cluster.run_for(2000)
    assert asking.put(machines[0].name, "a", b"1").status == "no_majority"
    assert not machines[0].disk.records


def alone(asking: Asking, voter: str) -> bool:
    """Whether ``voter`` is one, and the joint membership has ended."""
    leader = asking.cluster.leader()
    committed = leader.driver.node.committed_membership if leader is not None else None
    return committed is not None and voter in committed.voters and not committed.joint


@pytest.fixture
def grown() -> Asking:
    """A fourth voter has come to a group that holds registers."""
    asking = Asking("membership")
    for number in range(10):
        assert asking.put("n1", f"r{number}", b"before").status == "ok"
    asking.until(lambda: (leader := asking.cluster.leader()) is not None and "s1" in leader.driver.admission.joining)
    asking.change(Change.ADD, "s1")
    asking.until(lambda: alone(asking, "s1"))
    return asking


def test_a_new_voter_counts_only_when_every_register_has_been_carried_over(grown: Asking) -> None:
    leader = grown.cluster.leader()
    joint = leader.driver.node.committed_membership.version - 1
    voters = leader.driver.node.committed_membership.voters
    for number in range(10):
        records = [grown.cluster.machines[voter].disk.records.get(f"r{number}") for voter in voters]
        carried = sum(record is not None and record.accepted.membership >= joint for record in records)
        assert carried >= len(voters) // 2 + 1
    assert grown.get("s1", "r7") == b"before" and grown.put("s1", "r7", b"after").status == "ok"


def test_a_node_that_was_removed_takes_no_part_any_more(grown: Asking) -> None:
    gone = next(name for name in ("n1", "n2", "n3") if grown.cluster.leader().name != name)
    grown.change(Change.REMOVE, gone)
    grown.until(lambda: gone not in grown.cluster.leader().driver.node.committed_membership.everybody)
    grown.until(lambda: grown.cluster.machines[gone].driver.admission.outside)
    assert grown.put(gone, "r1", b"gone").status == "no_majority"
    machine = grown.cluster.machines[gone]
    assert machine.driver.registers.wait_ms(int(machine.clock_ms)) is None, "nor does it look at the clock for ever"
    assert grown.get("s1", "r1") == b"before"
