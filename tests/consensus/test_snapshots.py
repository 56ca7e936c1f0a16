"""Compaction and snapshots in the core (R40 to R43, N03; P 7). How they travel: test_images_on_their_way.py."""

import pytest

from consensus.raft.log import Log
from consensus.raft.messages import AppendReply, HardState, Membership, Snapshot
from consensus.raft.node import Role
from tests.consensus.harness import Driven, acknowledge, append, appends, ask_vote, entries

GROUP = Membership(("S", "A", "B"))


class NoStorage:
    def read(self, first: int, last: int) -> list:
        raise AssertionError("not from storage")


def follower(*terms: int, applied: int = 0) -> Driven:
    """A follower of A in the last of ``terms``, with its log committed up to ``applied``."""
    driven = Driven(hard=HardState(terms[-1]), log=entries(*terms))
    driven.step("A", append(terms[-1], (len(terms), terms[-1]), commit=applied))
    return driven


def compact(driven: Driven, index: int) -> Snapshot:
    snapshot = driven.node.snapshot_at(index)
    driven.disk.begin_after(snapshot, keep_log=True)
    driven.node.compact(snapshot)
    return snapshot


def restore(driven: Driven, snapshot: Snapshot) -> None:
    driven.disk.begin_after(snapshot, driven.node.agrees_with(snapshot))
    driven.node.restore(snapshot)


def test_r43_the_term_where_the_log_begins_stays_known() -> None:
    driven = follower(1, 1, 2, 2, 3, applied=4)
    compact(driven, 4)
    ((_, answer),) = driven.step("A", append(3, (4, 2), commit=5, new=entries(3, first=5)))
    assert answer.success and answer.match == 5
    ((_, vote),) = driven.step("B", ask_vote(4, (5, 3), transfer=True))
    assert vote.granted


def test_r43_what_is_not_applied_is_never_compacted() -> None:
    driven = follower(1, 1, 1, applied=2)
    with pytest.raises(AssertionError):
        driven.node.snapshot_at(3)
    with pytest.raises(AssertionError):
        driven.node.compact(Snapshot(3, 1, GROUP))


def test_n03_an_append_from_before_the_snapshot_is_answered_with_what_is_there() -> None:
    driven = follower(1, 1, 2, 2, 3, applied=4)
    compact(driven, 4)
    ((_, answer),) = driven.step("A", append(3, (1, 1), new=entries(1, 2, 2, first=2)))
    assert answer.success and answer.match == 4
    assert driven.log == [3]


def test_r42_a_restart_from_the_snapshot_alone_knows_its_group() -> None:
    driven = Driven(voters=())
    restore(driven, Snapshot(7, 3, GROUP))
    driven.disk.hard_state = HardState(3)
    driven.boot()
    assert driven.node.membership == GROUP
    assert (driven.node.last_index, driven.node.last_term, driven.node.applied_index) == (7, 3, 7)
    assert len(driven.campaign()) == 2


def test_r40_the_log_after_the_snapshot_is_kept_where_it_matches() -> None:
    driven = follower(1, 1, 2, 2, 3, applied=1)
    restore(driven, Snapshot(3, 2, GROUP))
    assert driven.log == [2, 3]
    assert (driven.node.commit_index, driven.node.applied_index, driven.node.last_index) == (3, 3, 5)


def test_r40_the_log_is_dropped_where_it_does_not_match() -> None:
    driven = follower(1, 1, 2, 2, 2, applied=1)
    restore(driven, Snapshot(3, 3, GROUP))
    assert driven.log == []
    assert (driven.node.commit_index, driven.node.last_index, driven.node.last_term) == (3, 3, 3)
    driven.step("A", append(3, (3, 3), commit=4, new=entries(3, first=4)))
    assert [entry.index for entry in driven.applied] == [1, 4]


def test_r40_the_log_is_dropped_where_the_snapshot_goes_further() -> None:
    driven = follower(1, 1, applied=1)
    restore(driven, Snapshot(9, 2, GROUP))
    assert driven.log == [] and driven.node.last_index == 9


def test_r41_commit_and_applied_never_go_back() -> None:
    driven = follower(1, 1, 1, applied=3)
    assert not driven.node.wants_snapshot(Snapshot(3, 1, GROUP))
    assert not driven.node.wants_snapshot(Snapshot(2, 1, GROUP))
    assert driven.node.wants_snapshot(Snapshot(4, 1, GROUP))


def test_a_rebuild_takes_any_snapshot_that_the_log_can_go_on_from() -> None:
    driven = follower(1, 1, 1, 1, applied=4)
    compact(driven, 2)
    assert not driven.node.wants_snapshot(Snapshot(1, 1, GROUP), rebuild=True)
    snapshot = Snapshot(3, 1, GROUP)
    assert driven.node.wants_snapshot(snapshot, rebuild=True)
    driven.applied.clear()
    restore(driven, snapshot)
    driven.settle()
    assert [entry.index for entry in driven.applied] == [4], "the rest is applied again"


def test_a_membership_from_before_the_snapshot_is_the_snapshots() -> None:
    driven = follower(1, 1, applied=1)
    restore(driven, Snapshot(5, 2, Membership(("S", "A"), ("B",))))
    assert driven.node.membership == Membership(("S", "A"), ("B",))
    driven.boot()
    assert driven.node.membership == Membership(("S", "A"), ("B",))


def leader_after_compaction() -> Driven:
    """A leader of term 2 whose log begins after 4; B has everything, A nothing that it knows of."""
    driven = Driven(hard=HardState(1), log=entries(1, 1, 1, 1, 1))
    driven.win()
    acknowledge(driven, "B")
    compact(driven, 4)
    return driven


def test_r40_a_follower_that_needs_what_is_gone_awaits_a_snapshot_and_gets_heartbeats_meanwhile() -> None:
    driven = leader_after_compaction()
    (request,) = [message for peer, message in heartbeat(driven) if peer == "A"]
    sent = refuse(driven, "A", request.prev_index, hint=(1, 1))
    assert driven.node.awaiting_snapshot() == ["A"]
    assert [peer for peer, _ in sent] == ["A"], "one probe at where the log begins"
    driven.propose(b"x")
    (probe,) = [message for peer, message in heartbeat(driven) if peer == "A"]
    assert (probe.prev_index, probe.prev_term, probe.entries) == (4, 1, ())
    assert refuse(driven, "A", 4, hint=(1, 1)) == [], "no flood: the next probe comes with the next heartbeat"


def test_r40_it_goes_on_from_the_log_once_the_snapshot_is_there() -> None:
    driven = leader_after_compaction()
    heartbeat(driven)
    refuse(driven, "A", 5, hint=(1, 1))
    sent = acknowledge(driven, "A", match=4)
    assert driven.node.awaiting_snapshot() == []
    assert [entry.index for peer, message in sent if peer == "A" for entry in message.entries] == [5, 6]


def test_a_late_answer_from_before_does_not_end_the_wait() -> None:
    driven = leader_after_compaction()
    heartbeat(driven)
    refuse(driven, "A", 5, hint=(1, 1))
    acknowledge(driven, "A", match=2)
    assert driven.node.awaiting_snapshot() == ["A"]


def test_a_transfer_that_ended_is_followed_by_a_probe() -> None:
    driven = leader_after_compaction()
    heartbeat(driven)
    refuse(driven, "A", 5, hint=(0, 0))
    driven.node.snapshot_ended("A")
    assert "A" in appends(driven.settle())
    assert driven.node.awaiting_snapshot() == ["A"], "it still stands before where the log begins"


def test_a_heartbeat_that_is_due_with_a_refusal_goes_out_from_where_the_log_begins() -> None:
    """Found by the simulator: both in one turn, before the leader has looked at what it can still send."""
    driven = leader_after_compaction()
    (request,) = [message for peer, message in heartbeat(driven) if peer == "A"]
    driven.node.step("A", AppendReply(driven.node.term, False, 0, request.prev_index, 0, 1, 1), driven.now)
    driven.node.tick_heartbeat(driven.now)
    assert appends(driven.settle())["A"].prev_index == 4
    assert driven.node.awaiting_snapshot() == ["A"]


def heartbeat(driven: Driven):
    driven.node.tick_heartbeat(driven.now)
    return driven.settle()


def refuse(driven: Driven, peer: str, prev_index: int, hint: tuple[int, int]):
    return driven.step(peer, AppendReply(driven.node.term, False, 0, prev_index, 0, *hint))


def test_who_asked_for_an_image_gets_it_though_its_log_holds_everything() -> None:
    driven = leader_after_compaction()
    acknowledge(driven, "A")
    driven.node.needs_snapshot("A")
    heartbeat(driven)
    acknowledge(driven, "A")
    assert driven.node.awaiting_snapshot() == ["A"], "an answer to a heartbeat is no end of it"
    driven.node.snapshot_ended("A")
    assert driven.node.awaiting_snapshot() == []
    acknowledge(driven, "A")
    driven.propose(b"x")
    assert driven.node.awaiting_snapshot() == []


def test_a_new_leader_that_compacted_serves_from_its_base() -> None:
    driven = Driven(hard=HardState(3))
    driven.disk.begin_after(Snapshot(10, 3, GROUP), keep_log=False)
    driven.boot()
    driven.win()
    assert driven.node.role is Role.LEADER and driven.node.last_index == 11


# --- the log itself --------------------------------------------------------------------------------------------------


def log_of(*terms: int) -> Log:
    log = Log(NoStorage())
    log.append(entries(*terms))
    log.saved()
    return log


@pytest.mark.parametrize("index", range(1, 7))
def test_a_compacted_log_answers_as_before_from_its_base_on(index: int) -> None:
    terms = (1, 1, 2, 4, 4, 4, 5)
    whole, log = log_of(*terms), log_of(*terms)
    log.compact(index)
    assert log.base_index == index
    for i in range(index, 8):
        assert log.term_at(i) == whole.term_at(i)
    assert log.term_at(index - 1) is None
    assert log.read(index + 1, 7, 1 << 20) == whole.read(index + 1, 7, 1 << 20)
    for i in range(index, 9):
        for term in range(6):
            if whole.last_at_or_below(i, term)[0] >= index:
                assert log.last_at_or_below(i, term) == whole.last_at_or_below(i, term)
            else:
                assert log.last_at_or_below(i, term)[0] == index
    log.append(entries(6, first=index + 1))
    assert log.last_index == index + 1 and log.last_term == 6
    assert [entry.index for entry in log.unsaved()] == [index + 1]


def test_before_its_base_a_log_knows_nothing() -> None:
    log = log_of(1, 1, 2)
    log.compact(2)
    assert log.last_at_or_below(1, 5) == (1, 0)


def test_a_log_restored_past_unsaved_entries_saves_only_what_is_left() -> None:
    log = log_of(1)
    log.append(entries(1, 1, 1, first=2))
    log.restore(3, 1)
    assert [entry.index for entry in log.unsaved()] == [4]
