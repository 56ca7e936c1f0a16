"""ReadIndex (R25 to R28; P 8, T 6.4) and leadership transfer (R30 to R32; T 3.10)."""

import pytest

from consensus.raft.messages import EntryKind, TimeoutNow
from consensus.raft.node import ProposalRefused, Role
from tests.consensus.harness import Driven, Network, acknowledge, append, appends


def leader(**config) -> Driven:
    """A leader whose no-op is committed."""
    driven = Driven(**config)
    driven.win()
    acknowledge(driven, "A")
    return driven


def test_r25_no_read_is_answered_before_the_term_has_committed_something() -> None:
    driven = Driven()
    driven.win()
    driven.node.request_read(1, 0)
    driven.settle()
    assert driven.reads == []
    acknowledge(driven, "A")
    acknowledge(driven, "A", round=1)
    assert driven.reads == [(1, 1)]


def test_r26_only_answers_to_what_was_sent_after_the_read_count() -> None:
    driven = leader()
    driven.node.request_read(1, 0)
    round = appends(driven.settle())["A"].round
    acknowledge(driven, "A", round=round - 1)
    assert driven.reads == []
    acknowledge(driven, "A", round=round)
    assert driven.reads == [(1, 1)]


def test_r26_a_read_that_comes_during_a_round_waits_for_the_next() -> None:
    driven = leader()
    driven.node.request_read(1, 0)
    round = appends(driven.settle())["A"].round
    driven.node.request_read(2, 0)
    driven.settle()
    acknowledge(driven, "A", round=round)
    assert driven.reads == [(1, 1)]
    acknowledge(driven, "A", round=round + 1)
    assert driven.reads == [(1, 1), (2, 1)]


def test_r27_a_deposed_leader_answers_no_read() -> None:
    driven = leader()
    driven.node.request_read(1, 0)
    driven.settle()
    driven.step("B", append(9, (1, 1)))
    assert driven.reads == [(1, None)]
    assert not driven.node.request_read(2, 0)


def test_r28_fifty_reads_cost_one_round() -> None:
    driven = leader()
    for context in range(50):
        driven.node.request_read(context, 0)
    sent = driven.settle()
    assert [peer for peer, _ in sent] == ["A", "B"]
    acknowledge(driven, "B", 1, round=appends(sent)["B"].round)
    assert driven.reads == [(context, 1) for context in range(50)]


def test_a_lone_voter_reads_at_once() -> None:
    driven = Driven(voters=("S",))
    driven.win()
    driven.node.request_read(1, 0)
    driven.settle()
    assert driven.reads == [(1, 1)]


def test_r30_an_up_to_date_voter_takes_over_within_a_round_trip() -> None:
    names = ("A", "B", "C")
    network = Network(*(Driven(name, names) for name in names))
    old = network.elect("A")
    assert old.node.transfer_leadership("B", old.now)
    with pytest.raises(ProposalRefused, match="transferring"):
        old.node.propose([(EntryKind.COMMAND, b"x")])
    network.deliver("A", old.settle())
    assert network.nodes["B"].node.role is Role.LEADER and old.node.leader == "B"


def test_r30_a_target_that_is_behind_is_caught_up_first() -> None:
    driven = leader()
    driven.propose(b"x")
    assert driven.node.transfer_leadership("B", driven.now)
    assert not any(isinstance(message, TimeoutNow) for _, message in driven.settle())
    assert any(isinstance(message, TimeoutNow) for _, message in acknowledge(driven, "B"))


def test_r31_a_dead_target_is_given_up_and_proposals_are_taken_again() -> None:
    driven = leader()
    driven.node.transfer_leadership("B", driven.now)
    driven.now += 999
    acknowledge(driven, "A")
    driven.pass_time(1)
    assert not driven.node.transferring
    driven.propose(b"x")


@pytest.mark.parametrize("to", ["S", "X", ""])
def test_r31_itself_or_a_stranger_takes_nothing_over(to: str) -> None:
    driven = leader()
    assert not driven.node.transfer_leadership(to, driven.now)
    driven.propose(b"x")


def test_r32_timeout_now_skips_the_pre_vote_but_only_from_the_leader_and_only_where_allowed() -> None:
    driven = Driven()
    driven.step("A", append(3, (0, 0)))
    assert driven.step("B", TimeoutNow(3)) == []
    driven.node.allow_campaign(False)
    assert driven.step("A", TimeoutNow(3)) == []
    driven.node.allow_campaign(True)
    sent = driven.step("A", TimeoutNow(3))
    assert [(message.pre, message.transfer, message.term) for _, message in sent] == [(False, True, 4)] * 2


def test_a_drained_node_starts_no_election_but_votes() -> None:
    driven = Driven()
    driven.node.allow_campaign(False)
    assert driven.campaign() == []
