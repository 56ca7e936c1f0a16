"""Terms and votes: scenarios R01 to R10 (P 5.1, 5.2, 5.4.1)."""

import pytest

from consensus.raft.messages import AppendReply, HardState, VoteReply, VoteRequest
from consensus.raft.node import Role
from tests.consensus.harness import Driven, append, ask_vote, entries, only


def leader_of(term: int) -> Driven:
    driven = Driven(hard=HardState(term - 1), log=entries(1))
    driven.win()
    return driven


@pytest.mark.parametrize(
    "message",
    [append(4, (0, 0)), AppendReply(4, False, 0, 0, 0), VoteReply(4, False), ask_vote(4, transfer=True)],
    ids=lambda message: type(message).__name__,
)
def test_r01_a_leader_steps_down_for_any_newer_term_durably(message) -> None:
    driven = leader_of(3)
    driven.step("A", message)
    assert driven.node.role is Role.FOLLOWER
    assert driven.disk.hard_state.term == 4
    assert driven.disk.hard_state.vote in ("", "A")


def test_r02_an_older_term_changes_nothing_and_is_told_the_current_one() -> None:
    driven = Driven(hard=HardState(5), log=entries(1))
    assert only(driven.step("A", append(3, (0, 0), new=entries(3)))).term == 5
    refusal = only(driven.step("A", ask_vote(3, (9, 9))))
    assert (refusal.term, refusal.granted) == (5, False)
    assert driven.step("A", AppendReply(3, True, 1, 0, 0)) == []
    assert driven.log == [1] and driven.disk.hard_state == HardState(5)


def test_r03_silence_starts_an_election_after_a_timeout_of_its_own_each_round() -> None:
    drawn = iter([500, 900, 700])
    driven = Driven()
    driven.node._state.randint = lambda low, high: next(drawn)
    driven.node._state.reset_election_timer(0)
    assert driven.pass_time(499) == []
    assert all(isinstance(message, VoteRequest) and message.pre for _, message in driven.pass_time(1))
    assert driven.pass_time(899) == []
    assert len(driven.pass_time(1)) == 2


@pytest.mark.parametrize(
    ("last", "granted"),
    [((9, 1), False), ((1, 2), False), ((2, 2), True), ((3, 2), True), ((1, 3), True)],
    ids=["older term", "shorter", "equal", "longer", "newer term, shorter"],
)
def test_r04_only_a_log_at_least_as_up_to_date_gets_the_vote(last, granted) -> None:
    driven = Driven(hard=HardState(2), log=entries(1, 2))
    assert only(driven.step("A", ask_vote(5, last))).granted is granted


def test_r05_a_vote_survives_a_restart() -> None:
    driven = Driven(hard=HardState(4))
    assert only(driven.step("A", ask_vote(5))).granted
    driven.boot()
    assert not only(driven.step("B", ask_vote(5))).granted
    assert only(driven.step("A", ask_vote(5))).granted


def test_r06_no_vote_leaves_before_it_is_durable() -> None:
    driven = Driven(hard=HardState(4))
    driven.node.step("A", ask_vote(5), 0)
    assert driven.settle(save=False) == []
    assert driven.disk.hard_state == HardState(4)


def test_r06_a_candidate_asks_for_votes_only_once_its_own_is_durable() -> None:
    driven = Driven()
    driven.campaign()
    driven.node.step("A", VoteReply(1, True, pre=True), driven.now)
    assert driven.settle(save=False) == []


def test_r07_grants_count_once_a_voter() -> None:
    driven = Driven(voters=("S", "A", "B", "C", "D"))
    driven.campaign()
    driven.step("A", VoteReply(1, True, pre=True))
    driven.step("A", VoteReply(1, True, pre=True))
    assert driven.node.role is Role.PRE_CANDIDATE
    driven.step("B", VoteReply(1, True, pre=True))
    assert driven.node.role is Role.CANDIDATE
    driven.step("A", VoteReply(1, True))
    driven.step("A", VoteReply(1, True))
    assert driven.node.role is Role.CANDIDATE
    driven.step("C", VoteReply(1, True))
    assert driven.node.role is Role.LEADER


def test_r07_a_stranger_has_no_vote() -> None:
    driven = Driven()
    driven.campaign()
    driven.step("X", VoteReply(1, True, pre=True))
    assert driven.node.role is Role.PRE_CANDIDATE


def test_r08_a_candidate_follows_the_legitimate_leader_of_its_term() -> None:
    driven = Driven()
    driven.campaign()
    driven.step("A", VoteReply(1, True, pre=True))
    driven.step("B", append(0, (0, 0)))
    assert driven.node.role is Role.CANDIDATE
    driven.step("B", append(1, (0, 0)))
    assert (driven.node.role, driven.node.leader) == (Role.FOLLOWER, "B")


def test_r09_a_lone_voter_leads_and_commits_by_itself_once_that_is_durable() -> None:
    driven = Driven(voters=("S",))
    driven.now += 1000
    driven.node.tick_election(driven.now)
    ready = driven.node.ready()
    assert ready.hard_state == HardState(1, "S") and not ready.committed
    driven.settle()
    assert driven.node.role is Role.LEADER and [entry.term for entry in driven.applied] == [1]


def test_r10_grants_of_another_election_count_for_nothing() -> None:
    driven = Driven(voters=("S", "A", "B", "C", "D"), hard=HardState(1))
    driven.campaign()
    driven.step("A", VoteReply(2, True, pre=True))
    driven.step("B", VoteReply(2, True, pre=True))
    assert driven.node.role is Role.CANDIDATE
    driven.step("C", VoteReply(2, True, pre=True))
    driven.step("D", VoteReply(2, True, pre=True))
    driven.step("C", VoteReply(1, True))
    driven.step("D", VoteReply(1, True))
    assert driven.node.role is Role.CANDIDATE
