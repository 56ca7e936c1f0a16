"""A group is founded once, by decree: whatever is lost, crashes or forgets, there are never two (founding.py)."""

import pytest

from consensus.frames import heeds
from consensus.paxos.ballot import Ballot
from consensus.paxos.messages import Accept, Accepted, Chosen, Prepare
from consensus.raft.messages import HardState, Identity, Membership, Snapshot, TimeoutNow
from consensus.simulator.databases import Fate
from consensus.simulator.machine import Machine
from consensus.wire import Change, FoundingMessages, Hello, HelloAnswer, PeerMessage, RegisterMessages
from tests.consensus.groups import Group, deliver_all, drop

NAMES = ("n1", "n2", "n3")


def about(message: PeerMessage, *kinds: type) -> bool:
    return isinstance(message, FoundingMessages) and any(isinstance(one, kinds) for one in message.messages)


def founded(group: Group, *names: str) -> bool:
    return all(group.machines[name].disk.group_id for name in names)


def decrees(group: Group) -> set[str]:
    """The ids of all groups that any node belongs to, and their first members."""
    disks = [machine.disk for machine in group.machines.values() if machine.disk.group_id]
    return {f"{disk.group_id} {disk.snapshot.membership}" for disk in disks}


def lose_database(machine: Machine) -> None:
    machine.begin_anew()
    machine.start()


def test_all_nodes_found_one_group_with_one_id_and_send_it_with_every_message() -> None:
    group = Group()
    ids: set[str] = set()
    arrive = group.network._arrive
    group.network._arrive = lambda source, destination, life, message: (
        ids.add(life.group_id),
        arrive(source, destination, life, message),
    )
    group.write(3)
    assert len(decrees(group)) == 1
    (group_id,) = {machine.disk.group_id for machine in group.machines.values()}
    assert group_id and ids == {"", group_id}
    membership = group.machines["n1"].disk.snapshot.membership
    assert membership.voters == NAMES and membership.version == 0
    assert {name: one.incarnation for name, one in membership.identities.items()} == {
        name: group.machines[name].disk.incarnation for name in NAMES
    }


def test_a_group_of_one_founds_itself() -> None:
    group = Group(1)
    group.write(1)
    assert group.machines["n1"].disk.group_id


def test_ids_of_two_groups_differ() -> None:
    one, other = Group(), Group()
    other.random.seed("another")
    for group in (one, other):
        group.settled()
    assert decrees(one).isdisjoint(decrees(other))


def test_without_one_of_the_candidates_nothing_is_chosen_and_with_it_what_the_others_had_accepted() -> None:
    group = Group()
    drop(group, lambda source, destination, message: about(message, Accept) and "n3" in (source, destination))
    group.until(lambda: any(machine.disk.records for machine in group.machines.values()))
    group.run_for(2000)
    assert not decrees(group), "without n3 nothing is chosen"
    value = group.machines["n1"].disk.records["group"].value
    group.machines["n3"].crash()
    deliver_all(group)
    group.run_for(2000)
    group.machines["n3"].start()
    group.settled()
    assert len(decrees(group)) == 1
    assert group.machines["n3"].disk.group_id.encode() in value, "what two had accepted was completed"


def test_a_late_node_is_told_by_the_answer_to_its_hello() -> None:
    group = Group()
    drop(group, lambda source, destination, message: about(message, Chosen) and destination == "n3")
    group.until(lambda: founded(group, "n1", "n2"))
    group.machines["n3"].crash()
    group.write(2)
    group.machines["n3"].start()
    group.until(lambda: group.machines["n3"].driver.node.membership.voters)
    group.until(group._level)
    assert len(decrees(group)) == 1


def test_what_was_promised_and_accepted_outlives_a_restart_and_is_dropped_with_the_founding() -> None:
    group = Group()
    drop(group, lambda source, destination, message: about(message, Accepted))
    group.until(lambda: all(m.disk.records and m.disk.records["group"].value for m in group.machines.values()))
    before = group.machines["n2"].disk.records["group"]
    for machine in group.machines.values():
        machine.crash()
    deliver_all(group)
    for machine in group.machines.values():
        machine.start()
    assert group.machines["n2"].disk.records["group"].promised >= before.promised
    group.settled()
    assert all(machine.disk.group_id.encode() in before.value for machine in group.machines.values())
    assert not any("group" in machine.disk.records for machine in group.machines.values())


def test_one_wiped_one_away_and_one_that_was_never_told_found_no_second_group() -> None:
    """The wiped one and the one that was never told are a majority of the candidates."""
    group = Group()
    drop(
        group,
        lambda source, destination, message: (
            destination == "n3" and (about(message, Chosen) or isinstance(message, HelloAnswer))
        ),
    )
    group.until(lambda: founded(group, "n1", "n2"))
    group.until(lambda: group.leader() is not None)
    group.workload.write(group.leader())
    group.until(lambda: group.checkers.committed[1:])
    group.machines["n2"].crash()
    lose_database(group.machines["n1"])
    deliver_all(group)
    group.run_for(20_000)
    assert len(decrees(group)) == 1 and not founded(group, "n1")
    group.machines["n2"].start()
    group.until(lambda: founded(group, "n2", "n3"))
    group.settled()
    assert len(decrees(group)) == 1 and not founded(group, "n1")


def test_a_database_lost_before_anything_was_accepted_harms_nobody() -> None:
    group = Group()
    group.machines["n3"].crash()
    group.run_for(2000)
    lose_database(group.machines["n1"])
    group.run_for(2000)
    group.machines["n3"].start()
    group.write(1)
    assert group.machines["n1"].disk.incarnation == group.settled().driver.node.membership.identities["n1"].incarnation


def test_a_database_lost_half_way_the_others_complete_the_decree_and_its_node_is_out() -> None:
    group = Group()
    drop(group, lambda source, destination, message: about(message, Accepted))
    group.until(lambda: all(m.disk.records and m.disk.records["group"].value for m in group.machines.values()))
    value = group.machines["n2"].disk.records["group"].value
    lose_database(group.machines["n1"])
    deliver_all(group)
    group.until(lambda: founded(group, "n2", "n3"))
    group.write(1)
    assert group.machines["n2"].disk.group_id.encode() in value and not group.machines["n1"].disk.group_id
    group.machines["n1"].forgetful, group.machines["n1"].fate = False, Fate.LOST
    group.until(lambda: "with another database" in group.machines["n1"].retired)


def test_q01_a_founder_that_lost_its_database_never_uses_a_ballot_again() -> None:
    group = Group()
    used: list[tuple[str, Ballot]] = []

    def note(source: str, destination: str, message: PeerMessage) -> bool:
        if source == "n1" and about(message, Prepare):
            incarnation = group.machines["n1"].disk.incarnation
            used.extend((incarnation, one.ballot) for one in message.messages if isinstance(one, Prepare))
        return about(message, Prepare)

    drop(group, note)
    group.until(lambda: used)
    lose_database(group.machines["n1"])
    group.run_for(3000)
    databases = {ballot: incarnation for incarnation, ballot in used}
    assert len({incarnation for incarnation, _ in used}) == 2
    assert all(databases[ballot] == incarnation for incarnation, ballot in used)


def test_lists_that_differ_are_noticed_told_and_refused_until_they_are_the_same() -> None:
    group = Group()
    other = group.machines["n3"]
    other.crash()
    right = dict(other.config.members)
    del other.config.members["n2"]
    other.start()
    group.run_for(3000)
    assert not decrees(group)
    told = group.machines["n1"].driver.admission.waits_for
    assert told == "n3 names n1, n3; this node n1, n2, n3"
    other.crash()
    other.config.members.clear()
    other.config.members.update(right)
    other.start()
    group.settled()
    assert len(decrees(group)) == 1 and group.machines["n1"].driver.admission.waits_for == ""


def test_a_message_about_another_list_is_refused_whatever_it_says() -> None:
    group = Group()
    group.machines["n3"].crash()
    group.run_for(1000)
    driver = group.machines["n1"].driver
    before = dict(group.machines["n1"].disk.records)
    driver._receive("n2", FoundingMessages(b"another list", (Chosen("group", Ballot(0, 7, "n2/x"), b"x"),)), 0)
    assert group.machines["n1"].disk.records == before and "n2 names others" in driver.admission.waits_for


def test_who_is_waited_for_is_told() -> None:
    group = Group()
    group.machines["n3"].crash()
    group.run_for(2000)
    assert group.machines["n1"].driver.admission.waits_for == "a group is founded once n3 can be heard"


def test_n04_a_founder_whose_database_went_back_to_before_the_founding_is_noticed() -> None:
    group = Group()
    group.write(3)
    machine = next(one for one in group.machines.values() if one is not group.settled())
    machine.crash(lose_tables=False)
    group.checkers.turned = lambda machine: None
    disk = machine.disk
    disk.hard_state, disk.group_id, disk.epoch = HardState(), "", 0
    disk.snapshot = Snapshot()
    disk.entries.clear()
    machine.tables.replace([])
    machine.fate = Fate.OLDER
    machine.start()
    group.until(lambda: "has gone back" in machine.retired)


def test_a_group_that_was_founded_before_there_were_ids_goes_on_and_takes_nodes_in() -> None:
    group = Group(spares=1)
    group.write(2)
    for machine in group.machines.values():
        machine.crash(lose_tables=False)
        machine.disk.group_id = ""
    group.checkers._group = None
    group.checkers.founded = lambda machine, group_id, membership: None
    for machine in group.machines.values():
        machine.start()
    group.until(lambda: "s1" in group.settled().driver.admission.joining)
    group.until(lambda: group.change(Change.ADD, "s1").status == "ok")
    leader = group.settled()
    group.until(lambda: "s1" in leader.driver.node.membership.voters and leader.driver.node.membership_settled)
    group.write(1)
    assert not decrees(group) and group.machines["s1"].tables.applied_index() > 1


INTRODUCTIONS = (
    Hello(Identity("i", ""), NAMES, False, "", True),
    HelloAnswer(Membership(NAMES), 0, 0, 0, 0, "", "one"),
    FoundingMessages(b"", ()),
)
OTHERS = (TimeoutNow(1), RegisterMessages(()))


@pytest.mark.parametrize(
    ("own", "theirs", "introductions", "others"),
    [
        ("one", "one", True, True),
        ("one", "two", False, False),
        ("one", "", True, False),
        ("", "one", True, False),
        ("", "", True, True),
    ],
)
def test_n06_another_group_is_not_heard_and_who_has_none_may_only_introduce_itself(
    own: str, theirs: str, introductions: bool, others: bool
) -> None:
    assert {heeds(own, theirs, message) for message in INTRODUCTIONS} == {introductions}
    assert {heeds(own, theirs, message) for message in OTHERS} == {others}
