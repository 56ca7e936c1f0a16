"""Memory is bounded, and too much is refused at once."""

import pytest

from consensus.paxos.ballot import Ballot
from consensus.paxos.errors import Overloaded
from consensus.paxos.messages import Prepare
from consensus.paxos.register import put
from consensus.paxos.work import Kind
from tests.paxos.harness import Driven, Group


def test_bare_promises_are_dropped_by_raising_the_floor() -> None:
    """Whoever asks for names that do not exist fills no memory; what was promised stays promised."""
    b = Driven("B", max_idle_promises=10)
    for number in range(1, 12):
        b.step("A", Prepare(f"x{number}", Ballot(1, number, "A")))
    assert len(b.disk.records) == 11
    b.pass_time(1)
    assert b.disk.records == {}
    assert b.disk.hard_state.floor == Ballot(1, 11, "A")
    b.boot()
    refused = b.step("C", Prepare("x1", Ballot(1, 5, "C")))
    assert refused[0][1].promised == Ballot(1, 11, "A")  # type: ignore[union-attr]


def test_too_much_at_once_is_refused_at_once() -> None:
    a = Driven("A", max_asked=2)
    for context in range(2):
        a.node.change(context, "x", put(f"q{context}", b""), 0)
    with pytest.raises(Overloaded):
        a.node.read(3, "x", 0)


def test_too_many_registers_are_refused_but_those_that_exist_can_be_changed() -> None:
    group = Group(max_registers=1)
    group.change("A", "x", put("q1", b"1"))
    with pytest.raises(Overloaded):
        group["A"].node.change(9, "y", put("q2", b"2"), 0)
    assert group.change("A", "x", put("q3", b"3")).kind is Kind.DONE


@pytest.mark.parametrize("name", ["", "n" * 201])
def test_a_name_out_of_bounds_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        Driven("A").node.read(1, name, 0)


def test_leases_are_bounded() -> None:
    group = Group(max_leases=2)
    for name in ("x", "y", "z"):
        group.change("A", name, put("q1", b"1"))
    assert list(group["A"].node._state.leases) == ["y", "z"]
    group.count(Prepare)
    group.change("A", "x", put("q2", b"2"))
    assert group.count(Prepare) == 2
