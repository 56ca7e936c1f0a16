"""What revisions and stale reads promise, and the record that is kept of it."""

from pathlib import Path
from random import Random

import pytest

from tests.linearizability.checker import Verdict
from tests.linearizability.history import FAILED, UNKNOWN, Operation, load, save
from tests.linearizability.orders import findings
from tests.linearizability.sequential import Generator
from tests.linearizability.verify import verify


def op(at: tuple[int, int | None], op: str, key: str, arg: dict, result: dict | str, node: str = "n1") -> Operation:
    return Operation(at[0], op, key, arg, result, at[0], at[1], node)


def write(at: tuple[int, int | None], value: int, result: dict | str, key: str = "x") -> Operation:
    return op(at, "write", key, {"value": value}, {"revision": result} if isinstance(result, int) else result)


def stale(at: tuple[int, int], applied: int, value: int | None, revision: int = 0, node: str = "n1") -> Operation:
    told = {"absent": True} if value is None else {"value": value, "revision": revision}
    return op(at, "stale_read", "x", {}, told | {"applied": applied}, node)


WRITTEN = [write((0, 1), 1, 5), write((2, 9), 2, 6)]

BROKEN = {
    "a node's revision went back": [*WRITTEN, stale((3, 4), 6, 2, 6), stale((5, 6), 5, 1, 5)],
    "an entry went back on one node": [*WRITTEN, stale((3, 4), 6, 2, 6), stale((5, 6), 6, 1, 5)],
    "a value was read that had not been written": [*WRITTEN, stale((3, 4), 6, 3, 6)],
    "the value of a refused write was read": [write((0, 1), 1, FAILED), stale((3, 4), 6, 1, 6)],
    "one entry has two values at one revision": [
        write((0, None), 1, UNKNOWN),
        write((0, None), 2, UNKNOWN),
        stale((3, 4), 6, 1, 6),
        stale((3, 4), 6, 2, 6, "n2"),
    ],
    "a read is older than the revision that it names": [*WRITTEN, stale((3, 4), 6, 1, 5)],
    "two operations were acknowledged at one revision": [write((0, 1), 1, 5), write((0, 1), 2, 5, "y")],
    "a later change has an earlier revision": [write((0, 1), 1, 5), write((2, 3), 2, 4, "y")],
    "a read is older than what was acknowledged": [
        write((0, 1), 1, 5),
        op((2, 3), "read", "y", {}, {"absent": True, "applied": 4}),
    ],
}

KEPT = {
    "a stale read that is behind": [*WRITTEN, stale((10, 11), 5, 1, 5)],
    "nodes that are not equally far": [*WRITTEN, stale((3, 4), 6, 2, 6, "n1"), stale((5, 6), 5, 1, 5, "n2")],
    "overlapping reads of one node": [*WRITTEN, stale((3, 6), 6, 2, 6), stale((5, 7), 5, 1, 5)],
    "an unknown write that a stale read saw": [*WRITTEN, write((3, None), 3, UNKNOWN), stale((4, 5), 7, 3, 7)],
    "an entry that a later, unheard delete removed": [
        *WRITTEN,
        op((3, None), "delete", "x", {}, UNKNOWN),
        stale((10, 11), 6, None),
    ],
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_promise_is_found_and_named(rule: str) -> None:
    assert rule in {finding.rule for finding in findings(BROKEN[rule])}
    assert verify(BROKEN[rule]).verdict is Verdict.NO and rule in verify(BROKEN[rule]).explain()


@pytest.mark.parametrize("name", KEPT)
def test_what_is_promised_and_no_more(name: str) -> None:
    assert findings(KEPT[name]) == []


def test_a_stale_read_is_never_of_a_write_that_was_lost() -> None:
    """What one node served was committed: the write was not unknown any more, and is seen by every later reader."""
    seen = stale((3, 4), 7, 3, 7)
    later = op((10, 11), "read", "x", {}, {"value": 2, "revision": 6})
    history = [*WRITTEN, write((2, None), 3, UNKNOWN), seen, later]
    assert verify(history).verdict is Verdict.NO
    assert verify([*WRITTEN, write((2, None), 3, UNKNOWN), later]).verdict is Verdict.YES


def test_a_history_is_kept_as_json_lines(tmp_path: Path) -> None:
    history = Generator(Random(5), ["x", "y"]).history(50)
    save(tmp_path / "history.jsonl", history)
    assert load(tmp_path / "history.jsonl") == history


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("nonsense", "line 1"),
        ('{"process":1,"op":"jump","key":"x","arg":{},"result":{},"start_ns":1,"end_ns":2}', "no such op: jump"),
        ('{"process":1,"op":"read","key":"x","arg":{},"result":"unknown","start_ns":1,"end_ns":2}', "unknown"),
        ('{"process":1,"op":"read","key":"x","arg":{},"result":{},"start_ns":3,"end_ns":2}', "before it starts"),
        (
            '{"process":1,"op":"read","key":"x","arg":{},"result":"lost","start_ns":1,"end_ns":2}',
            "no such result: lost",
        ),
    ],
)
def test_a_line_that_is_no_operation_is_refused(tmp_path: Path, line: str, complaint: str) -> None:
    (tmp_path / "history.jsonl").write_text(line + "\n")
    with pytest.raises(ValueError, match=complaint):
        load(tmp_path / "history.jsonl")
