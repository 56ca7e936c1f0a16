"""The rewritable form: changes, versions, outcomes, exactly once (scenario Q07; CASPaxos 2.2)."""

import pytest

from consensus.paxos.ballot import ZERO
from consensus.paxos.messages import Accept, Accepted, Prepare, Promise
from consensus.paxos.register import RECENT_IDS, delete, put
from consensus.paxos.work import Kind, Outcome
from tests.paxos.harness import Group, append, lost_to


def test_a_value_written_on_one_node_is_read_on_every_other() -> None:
    group = Group()
    assert group.change("A", "x", put("q1", b"on")) == Outcome(Kind.DONE, 1, b"on")
    for node in "ABC":
        assert group.read(node, "x") == Outcome(Kind.DONE, 1, b"on")


def test_a_change_is_a_function_of_the_value_whoever_made_it() -> None:
    group = Group()
    for number, node in enumerate("ABCABC"):
        group.change(node, "x", append(str(number)))
    assert group.read("A", "x") == Outcome(Kind.DONE, 6, b"012345")


def test_registers_do_not_disturb_each_other() -> None:
    group = Group()
    for name in ("x", "y"):
        group.change("A", name, put("q1", name.encode()))
    assert group.read("B", "x").value == b"x"
    assert group.read("B", "y").value == b"y"
    assert group.read("B", "z") == Outcome(Kind.DONE, 0, None)


@pytest.mark.parametrize(
    ("expected", "kind"), [(None, Kind.DONE), (2, Kind.DONE), (1, Kind.CONFLICT), (0, Kind.CONFLICT)]
)
def test_compare_and_set_by_version(expected: int | None, kind: Kind) -> None:
    group = Group()
    group.change("A", "x", put("q1", b"1"))
    group.change("B", "x", put("q2", b"2", expected_version=1))
    outcome = group.change("C", "x", put("q3", b"3", expected))
    assert outcome == (Outcome(Kind.DONE, 3, b"3") if kind is Kind.DONE else Outcome(Kind.CONFLICT, 2, b"2"))


def test_version_0_means_that_there_is_no_value() -> None:
    group = Group()
    assert group.change("A", "x", put("q1", b"1", expected_version=0)).kind is Kind.DONE
    assert group.change("B", "x", put("q2", b"2", expected_version=0)).kind is Kind.CONFLICT
    assert group.change("B", "x", delete("q3", expected_version=1)).kind is Kind.DONE
    assert group.change("C", "x", put("q4", b"4", expected_version=0)) == Outcome(Kind.DONE, 3, b"4")


def test_deleting_nothing_is_a_conflict() -> None:
    assert Group().change("A", "x", delete("q1")) == Outcome(Kind.CONFLICT, 0, None)


def test_a_value_that_is_too_large_changes_nothing() -> None:
    group = Group()
    group.change("A", "x", put("q1", b"1"))
    assert group.change("A", "x", put("q2", b"2" * 4097)).kind is Kind.TOO_LARGE
    assert group.read("B", "x") == Outcome(Kind.DONE, 1, b"1")


def test_q07_an_accept_that_times_out_is_unknown_and_one_that_never_left_is_certainly_not_done() -> None:
    group = Group()
    group.drop = lost_to("BC", Accept)
    unknown = group.ask("A", "change", "x", put("q1", b"1"))
    group["B"].node.change(99, "y", put("q2", b"2"), 0)
    group.isolate("A", "B", "C")
    group.pass_time(6000)
    assert group["A"].results[unknown].kind is Kind.UNKNOWN
    assert group["B"].results[99].kind is Kind.UNAVAILABLE


def test_q07_an_unknown_change_may_be_completed_by_somebody_else() -> None:
    group = Group()
    group.drop = lambda source, destination, message: destination == "C" or isinstance(message, Accepted)
    context = group.ask("A", "change", "x", append("q1"))
    group.isolate("A")
    reading = group.ask("B", "read", "x")
    group.pass_time(500)
    assert group["B"].results[reading] == Outcome(Kind.DONE, 1, b"q1")
    group.isolate("A", "B", "C")
    group.pass_time(6000)
    assert group["A"].results[context].kind is Kind.UNKNOWN


def test_a_conflict_is_told_only_when_an_earlier_accept_of_the_change_is_dead() -> None:
    """A's first accept reached nobody yet; its second ballot finds B's value. Until that is chosen again above the
    first, the first might still be taken up."""
    group = Group()
    group.drop = lost_to("BC", Accept)
    context = group.ask("A", "change", "x", put("q1", b"A", expected_version=0))
    group.isolate("A")
    group.change("B", "x", put("q2", b"B"))
    group.drop = lost_to("BC", Accept)
    group.pass_time(1000)
    assert context not in group["A"].results
    group.heal()
    group.pass_time(1000)
    assert group["A"].results[context] == Outcome(Kind.CONFLICT, 1, b"B")
    group.deliver_kept()
    assert group.read("C", "x") == Outcome(Kind.DONE, 1, b"B")


def test_a_retry_with_the_same_request_id_is_not_applied_twice() -> None:
    group = Group()
    first = group.change("A", "x", append("q1"))
    group.change("B", "x", append("q2"))
    assert group.change("C", "x", append("q1")) == Outcome(Kind.DONE, first.version, b"q1q2")
    assert group.read("A", "x").value == b"q1q2"


def test_a_retry_by_the_node_itself_after_a_lost_ballot_is_not_applied_twice() -> None:
    group = Group()
    group.drop = lambda source, destination, message: isinstance(message, Accepted) and destination == "A"
    context = group.ask("A", "change", "x", append("q1"))
    group["B"].node.change(7, "x", append("q2"), 0)
    group.run()
    group.heal()
    group.pass_time(2000)
    assert group["A"].results[context].version == 1
    assert group["B"].results[7] == Outcome(Kind.DONE, 2, b"q1q2")
    assert group.read("C", "x").value == b"q1q2"


def test_the_same_request_id_with_another_fingerprint_is_refused() -> None:
    group = Group()
    group.change("A", "x", put("q1", b"1", fingerprint=b"one"))
    assert group.change("B", "x", put("q1", b"2", fingerprint=b"two")).kind is Kind.REUSED
    assert group.read("C", "x").value == b"1"


def test_ids_are_remembered_for_a_stated_number_of_changes() -> None:
    group = Group()
    group.change("A", "x", put("first", b"first"))
    for number in range(RECENT_IDS - 1):
        group.change("A", "x", put(f"q{number}", b"v"))
    assert group.change("B", "x", put("first", b"first")) == Outcome(Kind.DONE, 1, b"v")
    group.change("A", "x", put("last", b"v"))
    assert group.change("B", "x", put("first", b"first")).version == RECENT_IDS + 2, "forgotten, so applied anew"


def test_a_nodes_own_retry_is_unknown_rather_than_doubled_when_its_id_may_be_forgotten() -> None:
    group = Group()
    group.drop = lambda source, destination, message: destination == "A"
    context = group.ask("A", "change", "x", append("slow"))
    assert context not in group["A"].results
    group.heal()
    group.drop = lambda source, destination, message: (
        destination == "A" or (source == "A" and isinstance(message, Prepare))
    )
    prepared = next(m for s, _, m in group.sent if s == "A" and isinstance(m, Prepare))
    for voter in "BC":
        group["A"].step(voter, Promise("x", prepared.ballot, ZERO, b"", 0))
    group.run()  # the accept leaves, and is accepted, but A does not hear of it
    for number in range(RECENT_IDS):
        group.change("B", "x", append(f".{number}"))
    group.heal()
    group.pass_time(1000)
    assert group["A"].results[context].kind is Kind.UNKNOWN
    assert group.read("C", "x").value.count(b"slow") == 1  # type: ignore[union-attr]
