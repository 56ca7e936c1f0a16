"""Planted bugs are noticed: a sample of `make mutants`, and that every one of them still fits the source."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mutation.bugs import MUTANTS
from tests.mutation.plant import ROOT, Verdict, by_simulator, by_unit_tests, planted

NAMED = {mutant.name: mutant for mutant in MUTANTS}
SEEDS = 60

SIMULATED = [
    "vote not persisted",
    "half is a majority",
    "earlier term committed by counting",
    "log compared by term only",
    "follower answers before its disk is done",
    "reads before the term has committed",
    "read answered before it is applied",
    "request ids forgotten",
]
TESTED = ["grants of an older term counted", "matching entries truncated", "match goes back"]
SAMPLE: list[tuple[str, Callable[[Path], Verdict]]] = [
    *((name, lambda folder: by_simulator(folder, SEEDS)) for name in SIMULATED),
    *((name, by_unit_tests) for name in TESTED),
]


def test_there_are_many_and_each_fits_the_source() -> None:
    assert len(NAMED) == len(MUTANTS) >= 25
    for mutant in MUTANTS:
        for patch in mutant.patches:
            assert (ROOT / patch.file).read_text().count(patch.old) == 1, f"{mutant.name}: {patch.old!r}"
            assert patch.old != patch.new


@pytest.mark.parametrize(("name", "check"), SAMPLE, ids=[name for name, _ in SAMPLE])
def test_a_planted_bug_is_noticed(name: str, check: Callable[[Path], Verdict]) -> None:
    with planted(NAMED[name]) as folder:
        assert check(folder).caught, NAMED[name].breaks
