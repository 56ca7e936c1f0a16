"""The checkers themselves: what they must notice, and what they must not take for a fault."""

import pytest

from consensus.raft.messages import HardState, Membership, Snapshot, VoteReply
from consensus.simulator.cluster import Cluster
from consensus.simulator.ledger import Violation
from consensus.simulator.profiles import PROFILES

FOUNDERS = Membership(("n1", "n2", "n3"))


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(1, 3, PROFILES["calm"])


def test_a_vote_counts_that_was_overtaken_by_a_later_term_before_it_was_durable(cluster: Cluster) -> None:
    """One batch can hold a vote and a reason to campaign: the disk sees the later term only, the vote leaves all the
    same, and is safe, since this term is over for the voter (P 5.2)."""
    checkers, voter = cluster.checkers, cluster.machines["n3"]
    checkers.ledger.vote("n1", HardState(2, "n1"))
    voter.disk.hard_state = HardState(3, "n3")
    assert not checkers.ledger.elected("n1", 2, FOUNDERS)
    checkers.sent(voter, "n1", VoteReply(2, granted=True))
    assert checkers.ledger.elected("n1", 2, FOUNDERS)
    with pytest.raises(Violation, match="votes for n1 and for n2 in term 2"):
        checkers.sent(voter, "n2", VoteReply(2, granted=True))


def test_a_vote_that_is_not_durable_at_all_is_noticed(cluster: Cluster) -> None:
    with pytest.raises(Violation, match="not durable"):
        cluster.checkers.sent(cluster.machines["n3"], "n1", VoteReply(2, granted=True))


def test_nobody_with_right_tables_may_say_that_they_have_diverged(cluster: Cluster) -> None:
    with pytest.raises(Violation, match="which they have not"):
        cluster.checkers.diverged(cluster.machines["n2"], "a reason")


def test_where_a_damaged_image_was_handed_on_whoever_has_others_tables_is_the_odd_one(cluster: Cluster) -> None:
    """Right is what a majority has: a leader whose damage nobody had noticed may have made it one."""
    spread = cluster.machines["n1"]
    spread.tables.damage = 7
    cluster.checkers.installed(spread, Snapshot(0, 0, FOUNDERS), keep_log=True)
    cluster.checkers.diverged(cluster.machines["n2"], "a reason")
