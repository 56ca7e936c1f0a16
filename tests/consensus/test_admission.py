"""Who a node is: founding, joining, and storage that went back (R46, N04), on whole simulated nodes."""

import pytest

from consensus.errors import InvariantViolation
from consensus.raft.messages import HardState, Membership
from consensus.raft.node import Role
from consensus.requests import ChangeRequest
from consensus.wire import Change, ChangeNote, RegisterMessages
from tests.consensus.groups import Group, deliver_all, drop


def test_a_group_is_founded_once_all_that_the_settings_name_are_there() -> None:
    group = Group()
    group.machines["n3"].crash()
    group.run_for(5000)
    assert group.leader() is None and not group.machines["n1"].driver.node.membership.voters
    group.machines["n3"].start()
    group.until(lambda: all(machine.driver.node.membership.voters for machine in group.machines.values()))
    group.settled()
    one, two, three = (machine.driver.node.membership for machine in group.machines.values())
    assert one == two == three and one.voters == ("n1", "n2", "n3")


def test_a_restart_alone_is_no_reason_to_act() -> None:
    group = Group()
    group.settled()
    for machine in group.machines.values():
        machine.crash()
    group.machines["n1"].start()
    group.run_for(5000)
    assert not group.machines["n1"].driver.admission.admitted
    assert group.machines["n1"].driver.node.role is Role.FOLLOWER
    group.machines["n2"].start()
    group.until(lambda: group.leader() is not None)


def test_r46_a_node_that_lost_its_database_is_refused_under_its_old_name() -> None:
    group = Group()
    group.write(3)
    with pytest.raises(InvariantViolation, match="with another database"):
        group.wipe("n3")
        group.run_for(5000)
    assert group.machines["n3"].disk.hard_state == HardState(), "it has promised nothing"


def test_r46_two_of_three_that_lost_their_databases_found_no_second_group() -> None:
    group = Group()
    group.write(3)
    group.machines["n1"].crash()
    for name in ("n2", "n3"):
        group.wipe(name)
    group.run_for(5000)
    assert all(not group.machines[name].driver.node.membership.voters for name in ("n2", "n3"))
    with pytest.raises(InvariantViolation, match="with another database"):
        group.machines["n1"].start()
        group.run_for(5000)


@pytest.mark.parametrize("what", ["log", "term", "epoch"])
def test_n04_storage_that_went_back_is_noticed_before_the_node_acts(what: str) -> None:
    group = Group()
    group.write(5)
    leader = group.settled()
    machine = next(m for m in group.machines.values() if m is not leader)
    machine.crash(lose_tables=False)
    group.checkers.turned = lambda machine: None  # it sees at once what the nodes have to find out
    match what:
        case "log":
            del machine.disk.entries[-2:]
            machine.tables.replace(machine.tables.applied[:-2])
        case "term":
            machine.disk.hard_state = HardState()
            machine.disk.entries.clear()
            machine.tables.replace([])
        case "epoch":
            machine.disk.epoch -= 1
            leader.driver.acquaintances.epochs[machine.name, machine.disk.incarnation] += 5
    with pytest.raises(InvariantViolation, match="has gone back"):
        machine.start()
        group.run_for(5000)


def test_the_membership_changes_by_asking_any_node_and_asking_again_is_harmless() -> None:
    group = Group()
    group.write(3)
    assert group.change(Change.REMOVE, "n3").status == "ok"
    left = [group.machines["n1"], group.machines["n2"]]
    group.until(lambda: all(m.driver.node.membership.voters == ("n1", "n2") for m in left))
    group.until(lambda: group.machines["n3"].driver.admission.outside)
    again = group.change(Change.REMOVE, "n3")
    assert (again.status, again.index) == ("ok", 0)
    back = group.change(Change.ADD, "n3")
    assert (back.status, b"never used again" in back.result) == ("refused", True)
    stranger = group.change(Change.ADD, "n9")
    assert (stranger.status, b"has not asked to join" in stranger.result) == ("refused", True)
    nobody = group.change(Change.REMOVE, "n9")
    assert (nobody.status, b"no node n9" in nobody.result) == ("refused", True)


def test_a_node_that_was_removed_while_it_was_away_learns_so() -> None:
    group = Group()
    group.write(3)
    leader = group.settled()
    away = next(m for m in group.machines.values() if m is not leader)
    away.crash()
    group.run_for(2000)
    assert group.change(Change.REMOVE, away.name).status == "ok"
    away.start()
    group.until(lambda: away.driver.admission.outside)
    assert away.driver.node.membership != Membership() and away.driver.node.role is Role.FOLLOWER


def test_a_voter_that_is_being_removed_counts_until_the_end_also_after_a_restart() -> None:
    group = Group(2)
    group.write(2)
    group.until(lambda: group.checkers.committed)
    leader = group.settled()
    other = next(m for m in group.machines.values() if m is not leader)
    drop(group, lambda source, destination, message: isinstance(message, RegisterMessages))
    leader.request(ChangeRequest("test", 1, 5000, ChangeNote(Change.REMOVE, other.name, "admin")))
    group.until(lambda: leader.driver.node.membership.joint and other.driver.node.membership.joint)
    other.crash(lose_tables=False)
    deliver_all(group)
    other.start()
    group.until(lambda: other.driver.admission.outside)
    assert leader.driver.node.membership.voters == (leader.name,) and not leader.driver.node.membership.joint


def test_a_change_that_would_leave_no_majority_is_refused() -> None:
    group = Group()
    group.write(1)
    leader = group.settled()
    dead, other = (m for m in group.machines.values() if m is not leader)
    dead.crash()
    group.run_for(2000)
    answer = group.change(Change.REMOVE, other.name)
    assert (answer.status, b"no majority" in answer.result) == ("refused", True)


@pytest.mark.parametrize("restarted", [True, False])
def test_a_node_finds_a_leader_that_came_while_it_was_away(restarted: bool) -> None:
    """Those whom it knows tell who belongs to the group now; of the leader itself it has never heard."""
    group = Group(spares=1)
    group.write(3)
    leader = group.settled()
    away = next(machine for machine in group.machines.values() if machine is not leader and machine.name != "s1")
    if restarted:
        away.crash(lose_tables=False)
    else:
        ways = [pair for other in group.machines for pair in ((other, away.name), (away.name, other))]
        group.network.cut(ways)
    new = group.machines["s1"]
    group.until(lambda: "s1" in leader.driver.admission.joining)
    # Asked directly: `settled` would wait for the one that is away.
    leader.request(ChangeRequest("test", 1, 5000, ChangeNote(Change.ADD, "s1", "admin")))
    group.until(lambda: "s1" in leader.driver.node.membership.voters and leader.driver.node.membership_settled)
    leader.driver.node.transfer_leadership("s1", int(leader.clock_ms))
    group.until(lambda: new.driver.node.role is Role.LEADER)
    if restarted:
        away.start()
    else:
        group.network.mend(ways)
    group.until(lambda: away.driver.node.leader == "s1" and "s1" in away.driver.node.membership.voters)
    group.write(1)
