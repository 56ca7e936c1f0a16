"""Whole groups under faults: every seed must hold every invariant, and come to rest when the faults stop."""

import pytest

from consensus.simulator.cluster import Cluster


@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("first_seed", range(0, 60, 10))
def test_invariants_hold_and_progress_returns(nodes: int, first_seed: int) -> None:
    """300 runs. A failure's text names what broke and ends with the trace; the seed replays it."""
    for seed in range(first_seed, first_seed + 10):
        cluster = Cluster(seed, nodes)
        cluster.run(2000)
        assert cluster.checkers.committed, f"seed {seed} committed nothing"


def test_a_seed_replays_exactly() -> None:
    first, second = Cluster(7, 3), Cluster(7, 3)
    first.run(2000)
    second.run(2000)
    assert first.checkers.committed == second.checkers.committed
    assert list(first.trace) == list(second.trace)
