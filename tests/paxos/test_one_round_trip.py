"""The promise that comes with an accept (CASPaxos 2.2.1), batches, and duelling proposers."""

from consensus.paxos.ballot import Ballot
from consensus.paxos.messages import Prepare
from consensus.paxos.register import put
from consensus.paxos.work import Kind, Outcome
from tests.paxos.harness import Group, append


def test_an_undisturbed_proposer_needs_one_round_trip_from_its_second_change_on() -> None:
    group = Group()
    group.change("A", "x", append("1"))
    assert group.count(Prepare) == 2
    for number in range(2, 6):
        group.change("A", "x", append(str(number)))
    assert group.count(Prepare) == 0
    assert group.read("B", "x") == Outcome(Kind.DONE, 5, b"12345")


def test_another_proposers_change_ends_the_one_round_trip_path_and_nothing_is_lost() -> None:
    group = Group()
    group.change("A", "x", append("1"))
    group.change("B", "x", append("2"))
    group.change("A", "x", append("3"))
    assert group.read("C", "x") == Outcome(Kind.DONE, 3, b"123")


def test_a_node_that_was_cut_off_cannot_use_the_promise_of_before() -> None:
    group = Group()
    group.change("A", "x", append("1"))
    group.isolate("A")
    group.change("B", "x", append("2"))
    group.heal()
    context = group.ask("A", "change", "x", append("3"))
    group.pass_time(500)
    assert group["A"].results[context] == Outcome(Kind.DONE, 3, b"123")


def test_changes_that_wait_together_are_decided_together_in_order() -> None:
    group = Group()
    for number in range(20):
        group["A"].node.change(number, "x", append(f"{number},"), 0)
    group.run()
    assert group.count(Prepare) == 2
    assert [group["A"].results[number].version for number in range(20)] == list(range(1, 21))
    assert group.read("B", "x").value == "".join(f"{number}," for number in range(20)).encode()


def test_one_refusal_with_another_acceptor_away_does_not_hold_a_change_up_for_long() -> None:
    group = Group()
    group["B"].step("C", Prepare("x", Ballot(1, 50, "C")))
    group.isolate("C")
    context = group.ask("A", "change", "x", put("q1", b"1"))
    group.pass_time(50, step_ms=1)
    assert group["A"].results[context].kind is Kind.DONE


def test_duelling_proposers_end() -> None:
    group = Group()
    for round in range(10):
        for node in "ABC":
            group[node].node.change(round, "x", append(f"{node}{round}"), group[node].now)
    for driven in group.nodes.values():
        draw = iter(range(10**6))
        driven.node._state.randint = lambda low, high, own=driven.name, draw=draw: (
            low + (next(draw) * (3 + ord(own))) % (high - low + 1)
        )
    group.run()
    group.pass_time(3000, step_ms=1)
    assert all(group[node].results[round].kind is Kind.DONE for node in "ABC" for round in range(10))
    value = group.read("A", "x").value
    assert value is not None and all(
        value.count(f"{node}{round}".encode()) == 1 for node in "ABC" for round in range(10)
    )
