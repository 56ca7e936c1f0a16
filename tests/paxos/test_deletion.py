"""Deleting and erasing: scenario Q07 and the pitfalls of CASPaxos 3.1."""

from consensus.paxos.messages import Accept, Chosen, Erase
from consensus.paxos.register import delete, put
from consensus.paxos.work import Kind, Outcome
from tests.paxos.harness import Group, lost_to


def held(group: Group) -> dict[str, bool]:
    return {name: driven.node.record("x") is not None for name, driven in group.nodes.items()}


def deleted() -> Group:
    group = Group()
    group.change("A", "x", put("q1", b"1"))
    group.change("A", "x", delete("q2"))
    return group


def test_q07_a_deletion_leaves_a_tombstone_until_it_is_erased() -> None:
    group = deleted()
    assert group.read("B", "x") == Outcome(Kind.DONE, 0, None)
    assert all(held(group).values())
    assert group["A"].node.tombstones() == ["x"]
    assert group.outcome("A", "erase", "x").kind is Kind.DONE
    assert not any(held(group).values())
    assert group["B"].node.tombstones() == [] and group["B"].node.learned("x") is None
    assert group.read("C", "x") == Outcome(Kind.DONE, 0, None)


def test_q07_a_tombstone_stays_while_any_member_is_away() -> None:
    group = Group()
    group.change("A", "x", put("q1", b"1"))
    group.isolate("C")
    group.change("A", "x", delete("q2"))
    context = group.ask("A", "erase", "x")
    group.pass_time(500)
    assert group["A"].results[context].kind is Kind.UNAVAILABLE
    group.heal()
    group.isolate("A")
    reading = group.ask("C", "read", "x")
    group.pass_time(500)
    assert group["C"].results[reading].value is None, "C held the old value; B's tombstone stands against it"


def test_q07_what_was_sent_before_the_deletion_does_not_come_back_after_it_is_erased() -> None:
    group = Group()
    group.drop = lost_to("C", Accept)
    group.change("A", "x", put("q1", b"old"))
    group.heal()
    late = [message for _, _, message in group.kept if isinstance(message, Accept)]
    group.change("A", "x", delete("q2"))
    assert group.outcome("A", "erase", "x").kind is Kind.DONE
    for node in "ABC":
        for message in late:
            group[node].step("A", message)
    assert group.read("B", "x") == Outcome(Kind.DONE, 0, None)


def test_q07_a_late_announcement_does_not_bring_an_erased_value_back_for_stale_readers() -> None:
    group = Group()
    group.change("A", "x", put("q1", b"old"))
    late = next(message for _, _, message in group.sent if isinstance(message, Chosen))
    group.change("A", "x", delete("q2"))
    group.outcome("A", "erase", "x")
    group["B"].step("A", late)
    assert group["B"].node.learned("x") is None


def test_a_value_is_never_erased() -> None:
    group = Group()
    group.change("A", "x", put("q1", b"1"))
    assert group.outcome("B", "erase", "x").kind is Kind.CONFLICT
    assert group.read("C", "x").value == b"1"


def test_an_erasure_that_comes_late_does_not_touch_the_registers_next_life() -> None:
    group = deleted()
    group.drop = lost_to("BC", Erase)
    group.outcome("A", "erase", "x")
    group.heal()
    group.change("B", "x", put("q3", b"again"))
    group.deliver_kept()
    assert group.read("C", "x").value == b"again"


def test_versions_go_on_after_a_register_was_erased() -> None:
    """Or an ETag of the first life would match a value of the second."""
    group = deleted()
    group.outcome("A", "erase", "x")
    assert group.change("B", "x", put("q3", b"again")).version == 3


def test_erasing_gives_way_to_a_change() -> None:
    group = deleted()
    group.isolate("C")
    erasing = group.ask("A", "erase", "x")
    assert group.change("A", "x", put("q3", b"again")).kind is Kind.DONE
    assert group["A"].results[erasing].kind is Kind.UNAVAILABLE
