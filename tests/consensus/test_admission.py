"""Who a node is: founding, joining, and storage that went back (R46, N04), on whole simulated nodes."""

import pytest

from consensus.errors import DatabaseRefused
from consensus.raft.messages import HardState, Membership
from consensus.raft.node import Role
from consensus.requests import ChangeRequest
from consensus.simulator.databases import Fate
from consensus.simulator.disk import Disk
from consensus.wire import Change, ChangeNote, HelloAnswer, PeerMessage, RegisterMessages
from tests.consensus.groups import Group, deliver_all, drop, with_learner


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
    lost = group.wipe("n3")
    group.until(lambda: lost.retired)
    assert "with another database" in lost.retired
    assert lost.disk.hard_state == HardState(), "it has promised nothing"
    assert group.goes_on()


def test_r46_a_node_with_a_new_name_takes_the_place_of_one_that_lost_its_database() -> None:
    group = Group(spares=1)
    group.write(3)
    lost = group.wipe("n3")
    group.until(lambda: lost.retired and "s1" in group.settled().driver.admission.joining)
    assert group.change(Change.REMOVE, "n3").status == "ok"
    group.until(lambda: group.settled().driver.node.membership_settled)
    assert group.change(Change.ADD, "s1").status == "ok"
    group.until(lambda: group.settled().driver.node.membership.voters == ("n1", "n2", "s1"))
    group.write()


def test_r46_two_of_three_that_lost_their_databases_found_no_second_group() -> None:
    group = Group()
    group.write(3)
    group.machines["n1"].crash()
    for name in ("n2", "n3"):
        group.wipe(name)
    group.run_for(5000)
    assert all(not group.machines[name].driver.node.membership.voters for name in ("n2", "n3"))
    group.machines["n1"].start()
    group.until(lambda: all("with another database" in group.machines[name].retired for name in ("n2", "n3")))


@pytest.mark.parametrize("what", ["log", "term", "epoch", "all of it"])
def test_n04_storage_that_went_back_is_noticed_before_the_node_acts(what: str) -> None:
    group = Group()
    group.write(5)
    leader = group.settled()
    machine = next(m for m in group.machines.values() if m is not leader)
    machine.crash(lose_tables=False)
    machine.fate = Fate.OLDER
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
        case "all of it":  # a copy from before it belonged to the group
            machine.disk = Disk(machine.power, incarnation=machine.disk.incarnation)
            machine.tables.replace([])
            # One answer is a majority, so what the first one tells has to be minded.
            drop(group, lambda source, destination, message: destination == machine.name and source != leader.name)
    machine.start()
    group.until(lambda: machine.retired)
    assert "has gone back" in machine.retired
    assert group.goes_on()


def test_n04_who_answers_late_is_believed_as_well() -> None:
    """The leader and one more are a majority with itself; the third of the others is the first to know."""
    group = Group(4)
    group.write()
    leader = group.settled()
    machine, _, late = (machine for machine in group.machines.values() if machine is not leader)
    machine.crash(lose_tables=False)
    late.driver.acquaintances.epochs[machine.name, machine.disk.incarnation] += 5
    held: list[HelloAnswer] = []

    def hold(source: str, destination: str, message: PeerMessage) -> bool:
        late_answer = source == late.name and isinstance(message, HelloAnswer)
        held.extend([message] if late_answer else [])
        return late_answer

    drop(group, hold)
    machine.start()
    group.until(lambda: held and machine.driver.admission.admitted)
    with pytest.raises(DatabaseRefused, match="has gone back"):
        machine.driver.admission.on_answer(late.name, held[0], int(machine.clock_ms))


def test_a_leader_that_is_gone_is_not_waited_for_though_a_learner_remembers_it() -> None:
    """The learner never campaigns, so nobody but a new leader makes it forget; and that needs the node that waits."""
    group = with_learner()
    leader = group.settled()
    leader.crash()
    other = next(machine for name, machine in group.machines.items() if name != "s1" and machine is not leader)
    other.crash()
    other.start()
    group.until(lambda: group.leader() is not None)
    assert group.machines["s1"].driver.node.membership.learners == ("s1",)


def test_a_leader_that_is_gone_is_not_waited_for_because_one_that_is_gone_as_well_has_named_it() -> None:
    """Two of five are gone, so the group has to go on, and needs the one that waits."""
    group = Group(5)
    group.write()
    leader = group.settled()
    other, waiting, *_ = (machine for machine in group.machines.values() if machine is not leader)
    waiting.crash()
    drop(group, lambda source, destination, message: destination == waiting.name and source != other.name)
    waiting.start()
    group.until(lambda: other.name in waiting.driver.admission._answered)
    other.crash()
    leader.crash()
    deliver_all(group)
    group.until(lambda: group.leader() is not None)
    assert waiting.driver.admission.admitted


def test_a_node_that_was_away_while_the_voters_it_knew_were_replaced_is_admitted_by_those_of_today() -> None:
    group = Group(spares=2)
    group.write()
    group.until(lambda: {"s1", "s2"} <= set(group.settled().driver.admission.joining))
    assert group.change(Change.ADD_LEARNER, "s1").status == "ok"
    group.write()
    away = group.machines["s1"]
    away.crash(lose_tables=False)
    assert group.change(Change.ADD, "s2").status == "ok"
    group.until(lambda: group.settled().driver.node.membership.voters == ("n1", "n2", "n3", "s2"))
    for name in ("n1", "n2"):
        group.remove(name)
    away.start()
    group.until(lambda: away.driver.admission.admitted)
    group.write()


def test_a_node_that_was_away_while_everybody_it_knew_was_replaced_is_found_by_the_leader() -> None:
    group = Group(spares=2)
    group.write()
    away = group.machines["n1"]
    away.crash(lose_tables=False)
    group.until(lambda: {"s1", "s2"} <= set(group.settled().driver.admission.joining))
    for name in ("s1", "s2"):
        group.until(lambda: group.settled().driver.node.membership_settled)
        assert group.change(Change.ADD, name).status == "ok"
        group.until(lambda name=name: name in group.settled().driver.node.membership.voters)
    for name in ("n2", "n3"):
        group.remove(name)
    away.start()
    assert not {"s1", "s2"} & away.driver.node.membership.everybody
    group.until(lambda: away.driver.admission.admitted)
    group.write()


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
