"""Whole groups under faults: every seed must hold every invariant, and come to rest when the faults stop."""

import pytest

from consensus.simulator.paxos.cluster import Cluster


@pytest.mark.parametrize(("nodes", "first_seed"), [(3, 0), (3, 8), (5, 0), (5, 8)])
def test_invariants_hold_and_progress_returns(nodes: int, first_seed: int) -> None:
    """A failure's text names what broke and ends with the trace; the seed replays it."""
    for seed in range(first_seed, first_seed + 8):
        cluster = Cluster(seed, nodes)
        cluster.run(600)
        assert cluster.workload.done > 20, f"seed {seed} did nothing"


def test_the_membership_changes_under_faults() -> None:
    ended = 0
    for seed in range(20, 24):
        cluster = Cluster(seed, 5)
        cluster.run(800)
        ended += sum(version > 1 and not one.outgoing for version, one in cluster.memberships.items())
    assert ended >= 4


def test_a_seed_replays_exactly() -> None:
    first, second = Cluster(7, 5), Cluster(7, 5)
    first.run(500)
    second.run(500)
    assert list(first.trace) == list(second.trace)
