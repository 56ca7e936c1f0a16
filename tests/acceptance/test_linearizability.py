"""What clients of a real group saw while its parts failed can be explained by one order of all they did."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.linearizability.checker import Verdict
from tests.linearizability.nemesis import Nemesis
from tests.linearizability.run import Load, record
from tests.linearizability.verify import verify
from tests.support.group import RealGroup


@pytest.fixture
def cuttable() -> Iterator[RealGroup]:
    made = RealGroup(cuttable=True)
    try:
        made.up()
        yield made
    finally:
        made.close()


def test_histories_under_kills_pauses_and_cuts_are_linearizable(cuttable: RealGroup, tmp_path: Path) -> None:
    def work(progress) -> None:
        nemesis = Nemesis(cuttable, Random(1), progress, say=lambda what: None, operations_a_fault=80)
        nemesis.kill("all", cuttable.leader())
        nemesis.pause("worker", cuttable.leader())
        nemesis.cut("from its peers", cuttable.leader())
        nemesis.cut("from its peers, outwards", cuttable.leader())
        nemesis.kill("postgres", cuttable.leader())
        nemesis.cut("from its Redis", cuttable.leader())
        nemesis.transfer()

    recording = record(cuttable, tmp_path, 1, Load(), work)
    assert not recording.unexpected, recording.unexpected
    report = verify(recording.operations)
    assert report.verdict is Verdict.YES, report.explain()
    assert len(recording.operations) > 500
    transactions = [one for one in recording.operations if one.op == "txn" and isinstance(one.result, dict)]
    assert {one.result["succeeded"] for one in transactions} == {True, False}  # type: ignore[index]
    assert any(len(part.keys) > 1 for part in report.parts)
