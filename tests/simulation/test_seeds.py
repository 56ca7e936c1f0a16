"""Whole groups under faults: every seed must hold every invariant, and come to rest when the faults stop."""

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from consensus.simulator.profiles import PROFILES
from consensus.simulator.run import Result, Run, execute

STEPS = 2500
SIZES = (1, 2, 3, 4, 5, 7)
SEEDS_EACH = 3


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """Every profile at every size, on all cores."""
    runs = [
        Run(seed, STEPS, nodes, profile)
        for profile in sorted(PROFILES)
        for nodes in SIZES
        for seed in range(1, 1 + SEEDS_EACH)
    ]
    assert len(runs) >= 300
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return list(pool.map(execute, runs, chunksize=8))


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_invariants_hold_and_progress_returns(results: list[Result], profile: str) -> None:
    """A failure's text says what broke, how to replay it, and what led there."""
    ran = [result for result in results if result.run.profile == profile]
    failures = [result.failure for result in ran if result.failure]
    assert not failures, failures[0]
    assert all(result.committed for result in ran), "the clients must get something done"


def test_every_seed_has_a_profile_and_a_size_of_its_own_choice() -> None:
    runs = [Run.of(seed, STEPS) for seed in range(200)]
    assert {run.profile for run in runs} == set(PROFILES)
    assert {1, 2, 3, 4, 5, 7} == {run.nodes for run in runs}


def test_a_seed_replays_byte_for_byte_in_another_process_whatever_the_hash_seed() -> None:
    printed = set()
    for hash_seed in ("1", "2"):
        command = [sys.executable, "-m", "consensus.simulator", "--seed", "7", "--steps", "2000", "--nodes", "5"]
        done = subprocess.run(
            [*command, "--profile", "mixed"],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        printed.add(done.stdout.splitlines()[0])
    assert len(printed) == 1 and "digest" in printed.pop()
