"""The checker of histories can fail: each of these is impossible in one order of all operations."""

import pytest

from consensus.simulator.ledger import Violation
from consensus.simulator.paxos.history import APPEND, DELETE, PUT, READ, Operation, check


def change(id: str, began: int, ended: int | None, kind: str = PUT, expected: int | None = None) -> Operation:
    return Operation(id, kind, began, expected, ended, changed=True)


def read(id: str, began: int, ended: int, version: int, value: bytes | None) -> Operation:
    return Operation(id, READ, began, None, ended, False, version, value)


def test_a_history_that_can_be_explained_passes() -> None:
    operations = [
        read("r0", 1, 2, 0, None),
        change("a", 3, 6),
        read("r1", 4, 5, 1, b"a"),
        change("b", 7, None, APPEND),
        read("r2", 8, 9, 1, b"a"),
        read("r3", 10, 11, 2, b"ab"),
        change("c", 12, 13, DELETE, expected=2),
        read("r4", 14, 15, 0, None),
    ]
    check(operations, {"a": 1, "b": 2, "c": 3})


@pytest.mark.parametrize(
    ("operations", "applied"),
    [
        ([change("a", 1, 2), change("b", 3, 4), read("r", 5, 6, 1, b"a")], {"a": 1, "b": 2}),
        ([change("a", 1, 2), read("r", 3, 4, 0, None)], {"a": 1}),
        ([change("a", 1, None), read("r", 2, 3, 1, b"a"), read("s", 4, 5, 0, None)], {"a": 1}),
        ([change("a", 1, 2), read("r", 3, 4, 1, b"z")], {"a": 1}),
        ([change("a", 1, 2), change("b", 3, 4)], {"a": 2, "b": 1}),
        ([read("r", 1, 2, 1, b"a"), change("a", 3, 4)], {"a": 1}),
        ([change("a", 1, 2), change("b", 3, 4, expected=0)], {"a": 1, "b": 2}),
        ([change("a", 1, 2, DELETE)], {"a": 1}),
    ],
    ids=[
        "stale read",
        "lost write",
        "read goes back",
        "value of nowhere",
        "order of time reversed",
        "read of the future",
        "compare-and-set on another version",
        "deletion of nothing",
    ],
)
def test_an_impossible_history_is_a_violation(operations: list[Operation], applied: dict[str, int]) -> None:
    with pytest.raises(Violation):
        check(operations, applied)
