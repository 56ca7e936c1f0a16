"""A majority runs, so the group goes on: what could keep it from electing a leader, on whole simulated nodes."""

import pytest

from consensus.group_commands import ACTIVE, DRAINED, DRAINING, SetNodeState, encode_group_command
from consensus.raft.membership import decode
from consensus.raft.messages import AppendRequest, EntryKind
from consensus.requests import ChangeRequest, ProposeRequest
from consensus.simulator.machine import Machine
from consensus.wire import Change, ChangeNote, PeerMessage
from tests.consensus.groups import Group, deliver_all, drop, with_learner


def ends_joint(message: PeerMessage) -> bool:
    """Whether it carries the second step of a change."""
    return isinstance(message, AppendRequest) and any(
        entry.kind == EntryKind.MEMBERSHIP and not decode(entry.data).joint for entry in message.entries
    )


def ask(machine: Machine, change: Change, node: str) -> None:
    machine.request(ChangeRequest("test", 1, 5000, ChangeNote(change, node, "admin")))


def has_left(machine: Machine) -> bool:
    membership = machine.driver.node.membership
    return not membership.joint and machine.name not in membership.everybody


def set_state(group: Group, asked: Machine, node: str, state: str, *before: str) -> str:
    """Returns the status of the answer."""
    request_id = f"{node} {state}"
    data = encode_group_command(request_id, SetNodeState(node, state, before, "operator", version=2))
    count = len(group.answers)
    asked.request(ProposeRequest("test", 7, 5000, request_id, EntryKind.GROUP, data))
    group.until(lambda: len(group.answers) > count)
    return group.answers[-1].status


def test_one_that_is_being_removed_and_has_the_longest_log_is_elected_to_end_it() -> None:
    """T 4.2.2: a server that is not in its own latest configuration still starts elections."""
    group = Group(4)
    group.write()
    leader = group.settled()
    goes = next(machine for machine in group.machines.values() if machine is not leader)
    drop(group, lambda source, to, message: source == leader.name and to != goes.name and ends_joint(message))
    ask(leader, Change.REMOVE, goes.name)
    group.until(lambda: has_left(goes))
    leader.crash()
    deliver_all(group)
    group.until(lambda: group.leader() not in (None, goes))
    assert group.goes_on()
    assert goes.name not in group.settled().driver.node.membership.everybody


def test_a_leader_of_two_that_removes_itself_and_restarts_ends_its_removal() -> None:
    group = Group(2)
    group.write()
    group.run_for(2000)  # until all know how far the others are
    leader = group.settled()
    other = next(machine for machine in group.machines.values() if machine is not leader)
    drop(group, lambda source, to, message: ends_joint(message))
    ask(leader, Change.REMOVE, leader.name)
    group.until(lambda: has_left(leader) and leader.disk.end > other.disk.end)
    leader.crash(lose_tables=False)
    group.run_for(50)
    deliver_all(group)
    leader.start()
    group.until(lambda: group.leader() is other and not other.driver.node.membership.joint)
    assert group.goes_on()


def test_a_drained_node_whose_log_is_the_longest_leads_until_somebody_else_can() -> None:
    group = Group()
    group.write()
    leader = group.settled()
    drained, third = (machine for machine in group.machines.values() if machine is not leader)
    assert set_state(group, drained, drained.name, DRAINING, ACTIVE) == "ok"
    group.until(lambda: drained.driver.applier.node_state(drained.name)[0] == DRAINED)
    assert group.settled() is leader
    drop(group, lambda source, to, message: (source, to) == (leader.name, third.name))
    assert group.goes_on()
    assert drained.driver.node.last_index > third.driver.node.last_index
    leader.crash()
    deliver_all(group)
    group.until(lambda: group.leader() is third)
    assert group.goes_on()
    assert set_state(group, drained, drained.name, ACTIVE, DRAINED, DRAINING) == "ok"


def test_a_drained_node_leaves_elections_to_others_for_a_while() -> None:
    group = Group()
    group.write()
    leader = group.settled()
    drained, third = (machine for machine in group.machines.values() if machine is not leader)
    set_state(group, drained, drained.name, DRAINING, ACTIVE)
    group.until(lambda: drained.driver.applier.node_state(drained.name)[0] == DRAINED)
    term = drained.driver.node.term
    leader.pause(True)
    third.pause(True)
    group.run_for(4 * drained.config.election_timeout_max_ms)
    assert (drained.driver.node.term, str(drained.driver.node.role)) == (term, "follower")


@pytest.mark.parametrize("told", ["a membership", "a leader"])
def test_what_somebody_who_is_gone_has_told_alone_is_not_waited_for(told: str) -> None:
    """The leader appends a membership which reaches nobody; who restarts hears of it, and of the leader, from it."""
    group = with_learner()
    group.run_for(2000)  # until it is known how far it is
    leader, spare = group.settled(), group.machines["s1"]
    back, other = (machine for machine in group.machines.values() if machine not in (leader, spare))
    back.crash(lose_tables=False)
    group.run_for(100)
    if told == "a membership":
        ask(leader, Change.PROMOTE, "s1")

    def lost(source: str, to: str, message: PeerMessage) -> bool:
        return isinstance(message, AppendRequest) if source == leader.name else to == back.name

    drop(group, lost)
    group.run_for(20)
    back.start()
    group.until(lambda: leader.name in back.driver.admission._answered)
    assert back.driver.admission._told.joint == (told == "a membership")
    leader.crash()
    spare.crash()
    group.run_for(2000)  # what they have said is lost or counts no longer
    deliver_all(group)
    group.until(lambda: group.leader() in (back, other))
    assert group.goes_on()
