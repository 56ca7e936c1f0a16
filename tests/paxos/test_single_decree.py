"""Single-decree Paxos, rule by rule: scenarios Q01 to Q06 and Q08 (Lamport, "Paxos Made Simple", 2.2)."""

import pytest

from consensus.paxos import acceptor, proposer
from consensus.paxos.ballot import ZERO, Ballot, Ballots
from consensus.paxos.errors import SafetyViolation
from consensus.paxos.messages import Accept, Accepted, Prepare, Promise, Record, Refusal
from consensus.paxos.proposer import Attempt, Phase
from consensus.paxos.quorum import Membership
from consensus.paxos.register import Decree, put
from consensus.paxos.work import Kind
from consensus.simulator.ledger import Violation
from consensus.simulator.paxos.explore import Explorer
from tests.paxos.harness import Group, lost_to


def ballot(round: int, node: str = "A") -> Ballot:
    return Ballot(1, round, node)


def prepare(of: Ballot) -> Prepare:
    return Prepare("x", of)


def accept(of: Ballot, value: bytes = b"v", next: Ballot = ZERO) -> Accept:
    return Accept("x", of, value, next)


def promise(of: Ballot, accepted: Ballot = ZERO, value: bytes = b"") -> Promise:
    return Promise("x", of, accepted, value, 0)


def test_q01_two_proposers_in_round_1_have_different_ordered_ballots() -> None:
    a, b = Ballots("A", 0).next(1), Ballots("B", 0).next(1)
    assert (a.round, b.round) == (1, 1)
    assert a < b < Ballots("A", 1).next(1)


def test_q01_every_ballot_of_a_newer_membership_is_above_all_of_an_older_one() -> None:
    assert Ballots("B", 9000).next(1) < Ballots("A", 0).next(2)


def test_q01_no_ballot_is_used_again_in_a_later_life_whether_or_not_it_was_the_last_of_its_block() -> None:
    reserved, used = 0, set()
    for uses in (1, 3, 4, 5, 0, 2):
        ballots = Ballots("A", reserved, block=3)
        for _ in range(uses):
            one = ballots.next(1)
            assert one.round <= ballots.reserved, "used before it was reserved"
            assert one not in used
            used.add(one)
        reserved = ballots.reserved


def test_q01_a_proposer_goes_above_what_it_has_seen() -> None:
    ballots = Ballots("A", 0)
    ballots.observe(ballot(5000, "C"))
    assert ballots.next(1) > ballot(5000, "C")
    assert ballots.reserved > 5000


def test_q01_a_node_that_restarts_before_any_answer_prepares_a_new_ballot() -> None:
    group = Group()
    group.isolate("A")
    ballots = set()
    for _ in range(3):
        group.ask("A", "decide", "x", b"v")
        prepared = {message.ballot for _, _, message in group.sent if isinstance(message, Prepare)}
        assert len(prepared) == 1 and not prepared & ballots
        ballots |= prepared
        group.sent.clear()
        group["A"].boot()


@pytest.mark.parametrize("lower", [ballot(4, "Z"), ballot(5, "A")], ids=["older round", "same round, lower node"])
def test_q02_below_the_promise_both_requests_are_refused_with_it(lower: Ballot) -> None:
    held = Record(ballot(5, "B"), ballot(3), b"old")
    for after, reply in (acceptor.prepare(held, prepare(lower)), acceptor.accept(held, accept(lower))):
        assert after == held
        assert reply == Refusal("x", lower, ballot(5, "B"), 0)


@pytest.mark.parametrize("higher", [ballot(5, "B"), ballot(5, "C"), ballot(9, "A")], ids=str)
def test_q02_an_accept_at_or_above_the_promise_is_accepted_and_raises_it(higher: Ballot) -> None:
    after, reply = acceptor.accept(Record(ballot(5, "B"), ballot(3), b"old"), accept(higher, b"new"))
    assert after == Record(higher, higher, b"new")
    assert reply == Accepted("x", higher)


def test_q02_a_repeated_accept_is_confirmed_even_under_a_later_promise_but_never_with_another_value() -> None:
    held = Record(ballot(9), ballot(5), b"v")
    assert acceptor.accept(held, accept(ballot(5))) == (held, Accepted("x", ballot(5)))
    with pytest.raises(SafetyViolation):
        acceptor.accept(held, accept(ballot(5), b"other"))


def test_q03_a_promise_returns_what_was_accepted_and_keeps_it() -> None:
    held, _ = acceptor.accept(Record(), accept(ballot(2), b"v"))
    after, reply = acceptor.prepare(held, prepare(ballot(7, "C")))
    assert after == Record(promised=ballot(7, "C"), accepted=ballot(2), value=b"v")
    assert reply == promise(ballot(7, "C"), ballot(2), b"v")


def test_q03_all_three_fields_survive_a_restart() -> None:
    group = Group()
    b = group["B"]
    b.step("A", accept(ballot(2), b"\x92\xa6decree\xc4\x01v"))
    b.step("C", prepare(ballot(7, "C")))
    held = b.node.record("x")
    b.boot()
    assert b.node.record("x") == held == Record(ballot(7, "C"), ballot(2), b"\x92\xa6decree\xc4\x01v")
    assert b.step("A", prepare(ballot(6))) == [("A", Refusal("x", ballot(6), ballot(7, "C"), 0))]


def test_nothing_is_answered_before_it_is_durable() -> None:
    """`Ready.late` holds every answer; what leaves early rests on nothing that is not durable."""
    b = Group()["B"]
    b.settle()
    b.node.step("A", prepare(ballot(3)), 0)
    ready = b.node.ready()
    assert ready.records == [("x", Record(ballot(3)))]
    assert ready.early == [] and ready.late == [("A", promise(ballot(3)))]
    b.boot()
    assert b.node.record("x") is None, "the write was lost, and so was the answer"


def test_a_ballot_leaves_only_when_its_block_is_reserved() -> None:
    a = Group()["A"]
    a.node.decide(1, "x", b"v", 0)
    ready = a.node.ready()
    assert ready.hard_state is not None and ready.hard_state.reserved > 0
    assert not [message for _, message in ready.early if isinstance(message, Prepare)]
    assert [message for _, message in ready.late if isinstance(message, Prepare)]


def test_a_node_counts_its_own_promise_only_when_it_is_durable() -> None:
    a = Group()["A"]
    a.settle()
    a.node.decide(1, "x", b"v", 0)
    ready = a.node.ready()
    prepared = next(message for _, message in ready.early if isinstance(message, Prepare))
    a.node.step("B", promise(prepared.ballot), 0)
    assert not [message for _, message in a.node.ready().early if isinstance(message, Accept)]
    a.node.saved(ready)
    assert [message for _, message in a.node.ready().early if isinstance(message, Accept)]


def attempt_with(*promises: tuple[str, Promise]) -> Attempt:
    attempt = Attempt(ballot(9))
    for source, one in promises:
        attempt = proposer.on_promise(attempt, source, one)
    return attempt


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_q04_the_value_of_the_highest_accepted_ballot_is_adopted(order: tuple[int, ...]) -> None:
    answers = [promise(ballot(9), ballot(2), b"x"), promise(ballot(9), ballot(5), b"y"), promise(ballot(9))]
    attempt = attempt_with(*((f"acceptor {i}", answers[i]) for i in order))
    assert proposer.decree(attempt, b"own") == b"y"


def test_q04_where_nobody_accepted_anything_it_is_ones_own() -> None:
    attempt = attempt_with(("A", promise(ballot(9))), ("B", promise(ballot(9))))
    assert proposer.decree(attempt, b"own") == b"own"


def test_q05_once_chosen_every_later_proposer_gets_that_value() -> None:
    group = Group()
    group.isolate("C")
    assert group.outcome("A", "decide", "x", b"first").value == b"first"
    group.isolate("A")
    for node in ("C", "B", "C"):
        assert group.outcome(node, "decide", "x", f"by {node}".encode()).value == b"first"
    group.heal()
    group["A"].boot()
    assert group.outcome("A", "decide", "x", b"again").value == b"first"


def test_q05_a_value_that_only_a_minority_accepted_may_lose_but_then_for_good() -> None:
    group = Group()
    group.drop = lost_to(("B", "C"), Accept)
    lost = group.ask("A", "decide", "x", b"minority")
    group.isolate("A")
    assert group.outcome("B", "decide", "x", b"majority").value == b"majority"
    group.heal()
    group.deliver_kept()
    group.pass_time(1000)
    assert group["A"].results[lost].value == b"majority"
    assert group["A"].node.record("x").value == group["B"].node.record("x").value  # type: ignore[union-attr]


def test_q05_no_interleaving_of_three_acceptors_and_two_proposers_chooses_two_values() -> None:
    """Two attempts each, so ballots interleave, are given up, and adopt each other's values."""
    explorer = Explorer(rounds=((1, 2), (1, 2)))
    explorer.run()
    assert explorer.outcomes == {b"value of p0", b"value of p1"}, "both must be possible, or nothing was explored"
    assert explorer.states > 10_000


def test_q08_a_checker_told_that_one_of_three_is_a_majority_reports_a_violation() -> None:
    with pytest.raises(Violation, match="two values are chosen"):
        Explorer(rounds=((1,), (1,)), majority=1).run()


def test_where_all_voters_have_to_agree_one_that_is_away_keeps_anything_from_being_chosen() -> None:
    group = Group(Membership(1, ("A", "B", "C"), unanimous=True))
    group.isolate("C")
    context = group.ask("A", "decide", "d", b"x")
    group.pass_time(1000)
    assert context not in group["A"].results and group["A"].node.learned("d") is None
    group.heal()
    group.pass_time(1000)
    assert group["A"].results[context].value == b"x"
    assert all(driven.node.learned("d") == Decree(b"x") for driven in group.nodes.values())
    assert group.outcome("C", "decide", "d", b"y").value == b"x"


def test_q06_two_answers_of_one_acceptor_count_once() -> None:
    attempt = attempt_with(("B", promise(ballot(9))), ("B", promise(ballot(9))))
    assert attempt.promised == {"B"}
    attempt = proposer.propose(attempt, b"v")
    for _ in range(2):
        attempt = proposer.on_accepted(attempt, "C", Accepted("x", ballot(9)))
    assert attempt.accepted == {"C"}


def test_q06_one_doubled_answer_does_not_make_a_majority_of_five() -> None:
    group = Group(Membership(1, tuple("ABCDE")))
    group.drop = lambda source, destination, message: destination in "CDE" or source in "CDE"
    context = group.ask("A", "decide", "x", b"v")
    promised = [message for source, _, message in group.sent if source == "B" and isinstance(message, Promise)]
    for _ in range(3):
        group["A"].step("B", promised[0])
    group.run()
    assert context not in group["A"].results
    assert group["A"].node.record("x").accepted == ZERO  # type: ignore[union-attr]


@pytest.mark.parametrize("phase", list(Phase))
def test_q06_answers_to_an_older_ballot_count_for_nothing(phase: Phase) -> None:
    attempt = Attempt(ballot(9))
    if phase is Phase.ACCEPTING:
        attempt = proposer.propose(attempt, b"v")
    assert proposer.on_promise(attempt, "B", promise(ballot(8), ballot(7), b"old")) == attempt
    assert proposer.on_accepted(attempt, "B", Accepted("x", ballot(8))) == attempt
    assert proposer.on_refusal(attempt, "B", Refusal("x", ballot(8), ballot(20), 1)) == attempt


def test_q06_a_late_promise_does_not_change_what_is_proposed() -> None:
    attempt = proposer.propose(attempt_with(("A", promise(ballot(9))), ("B", promise(ballot(9)))), b"own")
    assert proposer.on_promise(attempt, "C", promise(ballot(9), ballot(8), b"late")) == attempt
    with pytest.raises(SafetyViolation):
        proposer.propose(attempt, b"second")


def test_a_register_and_a_decree_do_not_mix() -> None:
    group = Group()
    group.outcome("A", "decide", "x", b"v")
    assert group.change("B", "x", put("q1", b"w")).kind is Kind.WRONG_KIND
    assert group.read("C", "x").value == b"v"
