"""Replication and commitment: scenarios R15 to R24 and N03 (P 5.3, 5.4.2, figures 7 and 8; T 10.2.1)."""

import pytest

from consensus.raft.messages import AppendReply, EntryKind, HardState, VoteReply
from consensus.raft.node import ProposalRefused, Role
from consensus.raft.replication import LogConflict
from tests.consensus.harness import Driven, Network, acknowledge, append, appends, ask_vote, entries, only


def follower(*terms: int, commit: int = 0) -> Driven:
    """A follower of A in term 8 with the given log."""
    driven = Driven(hard=HardState(8), log=entries(*terms))
    if commit:
        driven.step("A", append(8, (commit, terms[commit - 1]), commit=commit))
    return driven


def test_r15_a_refusal_names_the_entry_from_which_a_whole_term_can_be_skipped() -> None:
    driven = follower(1, 1, 4, 4, 4)
    refusal = only(driven.step("A", append(8, (5, 6), new=entries(6, first=6))))
    assert (refusal.success, refusal.hint_index, refusal.hint_term) == (False, 5, 4)
    leader = Driven(hard=HardState(7), log=entries(1, 1, 5, 5, 6))
    leader.win()
    sent = leader.step("A", AppendReply(8, False, 0, 5, 0, 5, 4))
    assert appends(sent)["A"].prev_index == 2, "terms 5 and 6 are skipped in one step"


def test_r15_a_short_log_says_how_short() -> None:
    refusal = only(follower(1).step("A", append(8, (9, 8))))
    assert (refusal.success, refusal.hint_index) == (False, 1)


def test_r16_a_conflict_drops_itself_and_what_follows() -> None:
    driven = follower(1, 1, 2, 2, 2)
    driven.step("A", append(8, (2, 1), new=entries(3, 3, first=3)))
    assert driven.log == [1, 1, 3, 3]


def test_r16_what_matches_is_never_dropped_by_a_delayed_shorter_append() -> None:
    driven = follower(1, 1, 8, 8, 8)
    reply = only(driven.step("A", append(8, (2, 1), new=entries(8, first=3))))
    assert driven.log == [1, 1, 8, 8, 8]
    assert reply.match == 3, "it vouches for no more than the message held"


FIGURE_7 = {
    "a": (1, 1, 1, 4, 4, 5, 5, 6, 6),
    "b": (1, 1, 1, 4),
    "c": (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6),
    "d": (1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7),
    "e": (1, 1, 1, 4, 4, 4, 4),
    "f": (1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3),
}


@pytest.mark.parametrize("name", sorted(FIGURE_7))
def test_r17_every_follower_of_figure_7_ends_with_the_leaders_log(name: str) -> None:
    voters = ("L", "F", "G")
    leader = Driven("L", voters, HardState(7), entries(1, 1, 1, 4, 4, 5, 5, 6, 6, 6))
    # A candidate needs a majority: G has an old log, so it votes for the leader of the figure.
    network = Network(leader, Driven("F", voters, HardState(7), entries(*FIGURE_7[name])), Driven("G", voters))
    network.elect("L")
    for _ in range(3):
        network.heartbeat("L")
    assert leader.node.role is Role.LEADER and leader.node.term == 8
    assert network.nodes["F"].log == leader.log == [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 8]


def test_r18_an_entry_of_an_earlier_term_is_not_committed_by_counting() -> None:
    """Figure 8 (c): S1 leads term 4 and has spread its entry of term 2 to a majority; that commits nothing."""
    s1 = Driven("S1", ("S1", "S2", "S3", "S4", "S5"), HardState(3), entries(1, 2))
    s1.win()
    acknowledge(s1, "S2", 2)
    acknowledge(s1, "S3", 2)
    assert s1.node.commit_index == 0
    acknowledge(s1, "S2", 3)
    acknowledge(s1, "S3", 3)
    assert s1.node.commit_index == 3, "figure 8 (e): committed with an entry of its own term after it"


def test_r18_figure_8_d_the_uncommitted_entry_is_overwritten() -> None:
    s2 = Driven("S2", ("S1", "S2", "S3", "S4", "S5"), HardState(4), entries(1, 2))
    s2.step("S5", append(5, (1, 1), new=entries(3, 5, first=2)))
    assert s2.log == [1, 3, 5]


def test_r18_figure_8_e_the_node_with_the_older_log_cannot_win() -> None:
    s2 = Driven("S2", ("S1", "S2", "S3", "S4", "S5"), HardState(4), entries(1, 2, 4))
    assert not only(s2.step("S5", ask_vote(5, (2, 3)))).granted


def test_r19_a_follower_commits_no_further_than_the_message_vouches_for() -> None:
    driven = follower(1, 1, 2, 2)
    driven.step("A", append(8, (1, 1), commit=4))
    assert driven.node.commit_index == 1
    driven.step("A", append(8, (1, 1), commit=4, new=entries(1, first=2)))
    assert driven.node.commit_index == 2


def test_r20_a_leader_sends_before_its_disk_is_done_and_counts_itself_only_then() -> None:
    driven = Driven(voters=("S", "A", "B"))
    driven.win()
    acknowledge(driven, "A")
    driven.node.propose([(EntryKind.COMMAND, b"x")])
    sent = driven.settle(save=False)
    assert {peer: message.entries[0].data for peer, message in appends(sent).items()} == {"A": b"x"}
    driven.node.step("A", AppendReply(1, True, 2, 1, 0), driven.now)
    assert driven.node.commit_index == 1, "one follower and a disk that is not done are no majority"
    driven.node.step("B", AppendReply(1, True, 2, 1, 0), driven.now)
    assert driven.node.commit_index == 2, "two followers are"


def test_r21_delayed_and_doubled_replies_never_take_a_follower_back() -> None:
    driven = Driven()
    driven.win()
    driven.propose(b"x", b"y")
    acknowledge(driven, "A", 3)
    acknowledge(driven, "A", 1)
    driven.step("A", AppendReply(1, False, 0, 1, 0, 0, 0))
    progress = driven.node._state.progress["A"]
    assert (progress.match, progress.next) == (3, 4)


def test_r21_a_reply_beyond_the_leaders_log_is_not_believed() -> None:
    driven = Driven()
    driven.win()
    driven.step("A", AppendReply(1, True, 99, 0, 0))
    assert driven.node._state.progress["A"].match == 0


def test_r22_a_refusal_stops_the_stream_until_a_probe_succeeds() -> None:
    driven = Driven(log=entries(1, 1), hard=HardState(1))
    driven.win()
    acknowledge(driven, "A", 3)
    driven.propose(b"x")
    driven.propose(b"y")
    probe = appends(driven.step("A", AppendReply(2, False, 0, 4, 0, 3, 2)))["A"]
    assert probe.entries == () and probe.prev_index == 3
    assert "A" not in appends(driven.propose(b"z")), "nothing more until the probe is answered"
    streamed = appends(acknowledge(driven, "A", 3))["A"]
    assert [entry.index for entry in streamed.entries] == [4, 5, 6]


def test_r22_a_silent_follower_gets_one_probe_a_heartbeat() -> None:
    driven = Driven()
    driven.win()
    for data in (b"x", b"y", b"z"):
        assert "B" not in appends(driven.propose(data))
    driven.node.tick_heartbeat(driven.now)
    assert len([peer for peer, _ in driven.settle() if peer == "B"]) == 1


def test_r22_the_window_bounds_what_is_in_flight() -> None:
    driven = Driven(max_in_flight=2)
    driven.win()
    acknowledge(driven, "A")
    assert [bool(appends(driven.propose(b"x")).get("A")) for _ in range(4)] == [True, True, False, False]


def test_r23_the_first_entry_of_a_leader_is_the_no_op_of_its_term() -> None:
    driven = Driven(hard=HardState(3), log=entries(1, 2))
    driven.win()
    assert driven.disk.entries[-1].kind == EntryKind.NOOP and driven.log == [1, 2, 4]
    assert driven.applied == [] and driven.node.commit_index == 0
    acknowledge(driven, "A")
    assert [entry.index for entry in driven.applied] == [1, 2, 3]


def test_r24_too_much_uncommitted_is_refused_but_never_the_no_op() -> None:
    driven = Driven(max_uncommitted_bytes=10)
    driven.win()
    driven.propose(b"123456")
    with pytest.raises(ProposalRefused, match="overloaded"):
        driven.node.propose([(EntryKind.COMMAND, b"12345")])
    acknowledge(driven, "A")
    driven.propose(b"a value larger than the bound alone is taken when nothing waits")
    driven.step("A", append(5, (0, 0)))
    driven.step("B", VoteReply(5, False))
    driven.win()


def test_a_follower_refuses_proposals() -> None:
    with pytest.raises(ProposalRefused, match="not leader"):
        Driven().node.propose([(EntryKind.COMMAND, b"x")])


def test_n03_an_append_below_the_commit_index_is_answered_with_what_is_settled() -> None:
    driven = follower(1, 1, 8, commit=3)
    reply = only(driven.step("A", append(8, (1, 1), new=entries(7, first=2))))
    assert (reply.success, reply.match) == (True, 3)
    assert driven.log == [1, 1, 8]


def test_two_leaders_of_one_term_are_fatal() -> None:
    driven = Driven()
    driven.win()
    with pytest.raises(LogConflict):
        driven.step("A", append(1, (0, 0)))
