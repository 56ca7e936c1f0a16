"""Everybody hears of what was chosen, whatever is lost and whoever dies."""

from consensus.paxos import rounds
from consensus.paxos.messages import Chosen, Prepare, Query
from consensus.paxos.register import Register, delete, put
from consensus.paxos.work import Kind
from tests.paxos.harness import Group, lost_to


def test_every_node_hears_of_a_change_without_reading() -> None:
    group = Group()
    group.change("A", "x", put("q1", b"1"))
    for driven in group.nodes.values():
        assert driven.node.learned("x") == group["A"].node.learned("x")
        assert driven.learned == ["x"]


def test_what_was_lost_is_told_again_until_it_is_heard() -> None:
    group = Group()
    group.drop = lost_to("BC", Chosen)
    group.change("A", "x", put("q1", b"1"))
    assert group["C"].node.learned("x") is None
    group.heal()
    group.pass_time(300)
    assert isinstance(group["C"].node.learned("x"), Register)
    group.count(Chosen)
    group.pass_time(1000)
    assert group.count(Chosen) == 0, "everybody has confirmed"


def test_whoever_accepted_finds_out_when_the_proposer_dies_before_telling() -> None:
    group = Group()
    group.drop = lambda source, destination, message: destination == "C" or isinstance(message, Chosen)
    group.change("A", "x", put("q1", b"1"))
    group.isolate("A")
    group.pass_time(2000)
    assert group["B"].node.learned("x") == group["C"].node.learned("x") == Register(1, b"1", group_recent(group))


def group_recent(group: Group):  # type: ignore[no-untyped-def]
    return group["A"].node.learned("x").recent  # type: ignore[union-attr]


def test_a_node_that_starts_is_told_everything() -> None:
    group = Group()
    for number in range(5):
        group.change("A", f"x{number}", put("q1", b"1"))
    group["C"].boot()
    assert group["C"].node.learned_names() == []
    group.pass_time(300)
    assert group["C"].node.learned_names() == [f"x{number}" for number in range(5)]


def test_an_announcement_below_the_floor_is_told_again_at_a_newer_ballot() -> None:
    """C never heard of x; its floor rose when y was erased, so it cannot tell x from a register that was erased."""
    group = Group()
    group.drop = lambda source, destination, message: destination == "C"
    group.change("A", "x", put("q1", b"1"))
    group.heal()
    group.drop = lambda source, destination, message: destination == "C" and message.name == "x"
    group.change("A", "y", put("q1", b"1"))
    group.change("A", "y", delete("q2"))
    assert group.outcome("A", "erase", "y").kind is Kind.DONE
    group.heal()
    group.pass_time(1000)
    assert group["C"].node.learned("x") == group["A"].node.learned("x")
    assert isinstance(group["C"].node.learned("x"), Register)


def test_a_read_that_finds_agreement_asks_for_no_promise() -> None:
    group = Group()
    group.change("A", "x", put("q1", b"1"))
    group.count(Prepare)
    assert group.read("B", "x").value == b"1"
    assert group.count(Prepare) == 0


def test_rounds_leave_nothing_behind() -> None:
    group = Group()
    group.change("A", "x", put("q1", b"1"))
    group.read("A", "x")
    state = group["A"].node._state
    assert not state.rounds and not state.reads and not group["A"].node.busy
    assert group.count(Query) == 2 and rounds.MAX_BACKOFF_DOUBLINGS < 10
