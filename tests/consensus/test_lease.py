"""Lease reads, where they are switched on (R29; T 6.4.1). Minimum election timeout 500 ms, drift a tenth: 450 ms."""

from consensus.raft.messages import VoteReply
from tests.consensus.harness import Driven, acknowledge, append, appends, ask_vote


def leader() -> Driven:
    """A leader whose no-op is committed, and which has waited out the silence after its start."""
    driven = Driven(lease_reads=True)
    driven.win()
    acknowledge(driven, "A")
    return driven


def beat(driven: Driven) -> int:
    """Send heartbeats; returns their round."""
    driven.node.tick_heartbeat(driven.now)
    return appends(driven.settle())["A"].round


def read(driven: Driven) -> bool:
    """Whether a read is answered without asking anybody."""
    before = len(driven.reads)
    driven.node.request_read(7, driven.now)
    driven.settle()
    return len(driven.reads) > before


def test_without_an_answered_heartbeat_there_is_no_lease() -> None:
    driven = leader()
    beat(driven)
    assert not read(driven)


def test_r29_the_lease_runs_from_when_the_heartbeat_was_sent_and_is_shortened_by_the_drift() -> None:
    driven = leader()
    round = beat(driven)
    driven.now += 200
    acknowledge(driven, "A", round=round)
    driven.now += 249
    assert read(driven)
    driven.now += 1
    assert not read(driven)


def test_r29_a_leader_that_hands_over_gives_its_lease_up_for_the_rest_of_its_term() -> None:
    driven = leader()
    acknowledge(driven, "A", round=beat(driven))
    assert read(driven)
    driven.node.transfer_leadership("B", driven.now)
    assert not read(driven)
    driven.now += 999
    acknowledge(driven, "A")
    driven.pass_time(1)
    assert not driven.node.transferring
    acknowledge(driven, "A", round=beat(driven))
    assert not read(driven), "the word to the target may still be on its way"
    acknowledge(driven, "A", round=appends(driven.settle() or heartbeats(driven))["A"].round)
    assert driven.reads[-1] == (7, 1), "by asking, as without leases"


def heartbeats(driven: Driven):
    driven.node.tick_heartbeat(driven.now)
    return driven.settle()


def test_a_lease_ends_with_the_leadership() -> None:
    driven = leader()
    acknowledge(driven, "A", round=beat(driven))
    driven.step("B", append(9, (1, 1)))
    assert not driven.node.request_read(7, driven.now)


def test_a_node_that_starts_gives_no_vote_for_as_long_as_it_may_have_promised_a_lease() -> None:
    driven = Driven(lease_reads=True)
    ((_, answer),) = driven.step("A", ask_vote(2, (9, 1)))
    assert not answer.granted
    driven.now += 500
    ((_, answer),) = driven.step("A", ask_vote(2, (9, 1)))
    assert answer.granted


def test_a_transfers_election_does_not_wait_for_leases() -> None:
    driven = Driven(lease_reads=True)
    ((_, answer),) = driven.step("A", ask_vote(2, (9, 1), transfer=True))
    assert answer.granted


def test_leases_are_off_by_default() -> None:
    driven = Driven()
    driven.win()
    acknowledge(driven, "A")
    acknowledge(driven, "A", round=beat(driven))
    assert not read(driven)


def test_a_fresh_leader_answers_from_its_lease_only_once_its_term_has_committed_something() -> None:
    driven = Driven(lease_reads=True)
    driven.win()
    acknowledge(driven, "A", match=0, round=beat(driven))
    assert not read(driven)


def test_a_late_answer_of_a_newer_term_does_not_make_a_follower_forget_its_lease() -> None:
    """It would grant its vote then, while the leader still answers reads by what this follower has promised."""
    follower = Driven(lease_reads=True)
    follower.now += 1000
    follower.step("A", append(1, (0, 0)))
    follower.step("B", VoteReply(2, False))
    assert (follower.node.term, follower.node.leader) == (1, "A")
    ((_, reply),) = follower.step("B", ask_vote(2))
    assert not reply.granted
