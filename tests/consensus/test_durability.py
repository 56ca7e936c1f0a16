"""What counts only once a disk holds it, and what no longer counts (R02, R03, R20; P 5.1, 5.3; T 10.2.1)."""

from consensus.raft.log import Log
from consensus.raft.messages import AppendReply, EntryKind, HardState
from tests.consensus.harness import Driven, acknowledge, append, entries


def test_r03_time_outs_are_drawn_between_the_shortest_and_the_longest() -> None:
    bounds = []
    driven = Driven(election_timeout_min_ms=500, election_timeout_max_ms=1000)
    driven.node._state.randint = lambda low, high: bounds.append((low, high)) or high
    driven.step("A", append(1, (0, 0)))
    driven.campaign()
    assert bounds and set(bounds) == {(500, 1000)}


def test_r20_nothing_is_applied_before_this_nodes_own_disk_holds_it() -> None:
    driven = Driven()
    driven.step("A", append(1, (0, 0)))
    driven.node.step("A", append(1, (0, 0), commit=2, new=entries(1, 1)), driven.now)
    ready = driven.node.ready()
    assert [entry.index for entry in ready.entries] == [1, 2] and not ready.committed
    driven.node.saved(ready)
    assert [entry.index for entry in driven.node.ready().committed] == [1, 2]


def test_r20_what_is_overwritten_is_not_durable_until_it_is_saved_again() -> None:
    log = Log(Driven(log=entries(1, 1, 1)).disk.session(), ((1, 1),), 3)
    assert log.persisted_index == 3
    log.append(entries(2, first=2))
    assert log.persisted_index == 1 and [entry.index for entry in log.unsaved()] == [2]


def test_r02_answers_of_an_older_term_count_for_nothing_at_a_leader() -> None:
    driven = Driven(hard=HardState(3), log=entries(1, 1, 1))
    driven.win()
    driven.step("A", AppendReply(3, True, 3, 0, 0))
    assert driven.node.match_indexes()["A"] == 0


def test_what_a_leader_knew_of_its_followers_ends_with_its_term() -> None:
    driven = Driven()
    driven.win()
    driven.node.propose([(EntryKind.COMMAND, b"x")])
    acknowledge(driven, "A")
    driven.step("B", append(driven.node.term + 1, (0, 0)))
    assert driven.node.match_indexes() == {}
    driven.now += 2000
    driven.win()
    assert set(driven.node.match_indexes().values()) == {0}
