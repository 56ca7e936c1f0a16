"""Changes of the membership: joint majorities, listing and carrying over, learners, nodes that hear of it late."""

from consensus.paxos.messages import Accept, ListNames, Prepare, Query
from consensus.paxos.quorum import Membership, Quorum
from consensus.paxos.register import delete, put
from consensus.paxos.work import Kind, Outcome
from tests.paxos.harness import Driven, Group

OLD = Membership(1, ("A", "B", "C"), learners=("D", "E"))
JOINT = Membership(2, ("C", "D", "E"), outgoing=("A", "B", "C"))
NEW = Membership(3, ("C", "D", "E"), learners=("A", "B"))


def adopt(group: Group, membership: Membership, *names: str) -> None:
    """These nodes hear of a membership; the others later, or never."""
    for name in names or tuple(group.nodes):
        driven = group[name]
        driven.membership = membership
        driven.node.set_membership(membership, driven.now)
    group.run()


def carry_over(group: Group, at: str) -> list[str]:
    """What the contract asks for before a joint membership ends; returns the names."""
    names: list[str] = []
    more = True
    while more:
        page = group.outcome(at, "list_registers", names[-1] if names else "")
        assert page.kind is Kind.DONE
        names += page.names
        more = page.more
    for name in names:
        assert group.outcome(at, "carry_over", name).kind is Kind.DONE
    return names


def outcome_in_time(group: Group, at: str, what: str, *args: object) -> Outcome:
    """As `Group.outcome`, where it takes the clock's help or does not come at all."""
    context = group.ask(at, what, *args)
    group.pass_time(6000)
    return group[at].results.pop(context)


def test_a_joint_membership_needs_a_majority_of_both() -> None:
    quorum = Quorum(JOINT)
    assert quorum.reached("ACD")
    assert not quorum.reached("ABC") and not quorum.reached("CDE")
    assert quorum.reached("BCD") and not quorum.reached("ABDX")
    assert Quorum(NEW).reached("DE") and not Quorum(NEW).reached("ABC")


def test_in_a_joint_membership_neither_majority_decides_alone() -> None:
    for away in (("A", "B"), ("D", "E")):
        group = Group(OLD)
        adopt(group, JOINT)
        group.isolate(*away)
        assert outcome_in_time(group, "C", "change", "x", put("q1", b"1")).kind is not Kind.DONE
        assert outcome_in_time(group, "C", "read", "x").kind is Kind.UNAVAILABLE


def test_learners_are_told_but_never_asked_and_never_count() -> None:
    group = Group(OLD)
    group.change("A", "x", put("q1", b"1"))
    asked = {destination for _, destination, one in group.sent if isinstance(one, Prepare | Accept | Query)}
    assert asked == {"B", "C"}
    assert group["D"].node.learned("x") == group["A"].node.learned("x")
    group.isolate("B", "C")
    assert outcome_in_time(group, "A", "change", "x", put("q2", b"2")).kind is not Kind.DONE


def test_what_is_carried_over_outlives_the_old_voters() -> None:
    group = Group(OLD, page_size=2)
    for number in range(5):
        group.change("A", f"x{number}", put("q1", b"%d" % number))
    group.change("A", "x4", delete("q2"))
    decree = group.outcome("B", "decide", "d", b"founded")
    adopt(group, JOINT)
    assert carry_over(group, "D") == ["d", "x0", "x1", "x2", "x3", "x4"], "tombstones and decrees too, page by page"
    adopt(group, NEW)
    group.isolate("A", "B", "C")
    for number in range(4):
        assert group.read("E", f"x{number}") == Outcome(Kind.DONE, 1, b"%d" % number)
    assert group.read("E", "x4") == Outcome(Kind.DONE, 0, None)
    assert group.outcome("D", "decide", "d", b"another") == decree
    assert group.change("D", "x4", put("q3", b"again")).version == 3


def test_a_change_that_only_a_minority_of_the_old_voters_has_seen_is_listed_or_never_chosen() -> None:
    """Whoever answers the list refuses what comes after under the older membership."""
    group = Group(OLD)
    group.drop = lambda source, destination, message: isinstance(message, Accept)
    context = group.ask("A", "change", "x", put("q1", b"1"))
    group.heal()
    adopt(group, JOINT, "B", "C", "D", "E")
    group.drop = lambda source, destination, message: destination == "A" or source == "A"
    assert carry_over(group, "D") == []
    group.heal()
    group.deliver_kept()
    assert context not in group["A"].results, "B and C no longer answer for the old voters"


def test_a_node_that_has_not_heard_of_the_change_can_choose_nothing_and_reads_nothing_stale() -> None:
    group = Group(OLD)
    group.change("A", "x", put("q1", b"old"))
    adopt(group, JOINT, "C", "D", "E")
    carry_over(group, "D")
    adopt(group, NEW, "C", "D", "E")
    group.change("D", "x", put("q2", b"new"))
    assert outcome_in_time(group, "A", "read", "x").kind is Kind.UNAVAILABLE
    assert outcome_in_time(group, "A", "change", "y", put("q3", b"lost")).kind is not Kind.DONE
    adopt(group, NEW)
    assert group.read("A", "x").value == b"new"


def test_an_accept_of_an_older_membership_that_arrives_late_never_outranks_what_was_chosen_since() -> None:
    """A proposes at a high ballot, tells C alone, and dies before its own disk has it: no list shows the register.
    The new voters choose at a low ballot; then C, who has heard of no change, takes the accept after all."""
    group = Group(OLD)
    for _ in range(20):
        group.read("A", "y")
    group.isolate("C")
    dying = group["A"]
    dying.node.change(1, "x", put("q1", b"of nobody"), dying.now)
    prepare = next(message for destination, message in dying.settle() if destination == "B")
    dying.node.step("B", group["B"].step("A", prepare)[-1][1], dying.now)
    late = [message for to, message in dying.node.ready().early if to == "C" and isinstance(message, Accept)]
    assert late
    dying.boot()
    adopt(group, JOINT, "A", "B", "D", "E")
    assert carry_over(group, "D") == []
    adopt(group, NEW, "A", "B", "D", "E")
    assert group.change("D", "x", put("q2", b"chosen")).kind is Kind.DONE
    group["C"].step("A", late[0])
    record = group["C"].node.record("x")
    assert record is not None and record.value
    adopt(group, NEW, "C")
    group.isolate("D")
    group.pass_time(300)
    assert outcome_in_time(group, "E", "read", "x").value == b"chosen"


def test_requests_that_are_open_when_the_membership_changes_go_on_under_the_new_one() -> None:
    group = Group(OLD)
    group.isolate("A")
    context = group.ask("A", "change", "x", put("q1", b"1"))
    reading = group.ask("A", "read", "y")
    listing = group.ask("A", "list_registers", "")
    group.heal()
    adopt(group, JOINT)
    group.pass_time(300)
    results = group["A"].results
    assert results[context] == Outcome(Kind.DONE, 1, b"1")
    assert results[reading].kind is Kind.DONE and results[listing].kind is Kind.DONE


def test_an_older_membership_is_ignored_and_a_new_one_lasts_over_a_restart_of_the_acceptor() -> None:
    group = Group(OLD)
    adopt(group, JOINT)
    group["B"].node.set_membership(OLD, 0)
    assert group["B"].node.membership == JOINT
    late = Driven("C", OLD)
    late.disk = group["C"].disk
    late.boot()
    question = next(message for _, message in group_question(group) if isinstance(message, ListNames))
    answers = late.step("A", question)
    assert [type(message).__name__ for _, message in answers if message.ballot == question.ballot] == ["Refusal"]


def group_question(group: Group) -> list[tuple[str, ListNames]]:
    """What a node of the old membership asks."""
    old = Driven("A", OLD)
    old.node.list_registers(1, "", 0)
    return [one for one in old.settle() if isinstance(one[1], ListNames)]  # type: ignore[misc]


def test_versions_go_on_after_a_register_was_erased_and_every_voter_replaced() -> None:
    """Or an ETag of the first life would match a value of the second. D, E and F join after the erasure."""
    group = Group(Membership(1, ("A", "B", "C")))
    group.change("A", "x", put("q1", b"1"))
    group.change("A", "x", delete("q2"))
    assert group.outcome("A", "erase", "x").kind is Kind.DONE
    joint = Membership(2, ("D", "E", "F"), outgoing=("A", "B", "C"))
    for name in joint.voters:
        group.join(name, joint)
    adopt(group, joint)
    assert carry_over(group, "D") == []
    adopt(group, Membership(3, ("D", "E", "F")))
    group.isolate("A", "B", "C", "D")
    assert group.change("E", "x", put("q3", b"again")).version == 3
