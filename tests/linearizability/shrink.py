"""Cuts a history that fails down to the few operations that show why.

Nothing is made up on the way: an operation may be left out, its outcome forgotten, or a detail of its answer; a
write may only go when nothing that stays speaks of it. So what is left is a true account of part of what happened.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import msgspec

from tests.linearizability.checker import Limits, Verdict, decide
from tests.linearizability.history import UNKNOWN, Operation
from tests.linearizability.model import text

QUICK = Limits(seconds=0.5, configurations=20_000)


def shrink(operations: Sequence[Operation], seconds: float = 20.0) -> list[Operation]:
    """A small part of ``operations`` that still fails, in the order of their starts; less small when time runs out."""
    deadline = time.monotonic() + seconds
    kept = sorted(operations, key=lambda operation: operation.start_ns)
    kept = _shortest_prefix(kept, _fails)
    bare = [_without_details(operation) for operation in kept]
    kept = bare if _fails(bare) else kept
    kept = _around_the_last(kept, deadline) or kept
    size = len(kept) + 1
    while len(kept) < size and time.monotonic() < deadline:
        size = len(kept)
        kept = _without_chunks(kept, _fails, deadline)
        for weaken in (_without_details, _forgotten):
            kept = _weakened(kept, _fails, weaken, deadline)
    return kept


def _fails(part: Sequence[Operation]) -> bool:
    keys = sorted({key for operation in part for key in operation.touches()})
    return decide(part, keys, QUICK) is Verdict.NO


def _around_the_last(operations: list[Operation], deadline: float) -> list[Operation] | None:
    """The last answer, whoever wrote what it tells of, and at most one more operation; None if that does not fail."""
    last = max(operations, key=lambda operation: operation.end_ns or 0)
    writers = [one for one in operations if one is not last and not _account_is_true([one], [last])]
    for other in [None, *reversed(operations)]:
        if time.monotonic() > deadline:
            return None
        chosen = {id(one) for one in (last, *writers, other)}
        part = [one for one in operations if id(one) in chosen]
        gone = [one for one in operations if id(one) not in chosen]
        if _fails(part) and _account_is_true(gone, part):
            return part
    return None


def _shortest_prefix(operations: list[Operation], fails: Callable) -> list[Operation]:
    """What had happened when it first could not be right any more."""
    ends = sorted({operation.end_ns for operation in operations if operation.end_ns is not None})
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        if fails(_until(operations, ends[middle])):
            high = middle
        else:
            low = middle + 1
    prefix = _until(operations, ends[low])
    return prefix if fails(prefix) else operations


def _until(operations: Sequence[Operation], now_ns: int) -> list[Operation]:
    return [
        operation if operation.end_ns is not None and operation.end_ns <= now_ns else _forget(operation)
        for operation in operations
        if operation.start_ns <= now_ns
    ]


def _forget(operation: Operation) -> Operation:
    return msgspec.structs.replace(operation, result=UNKNOWN, end_ns=None)


def _without_chunks(operations: list[Operation], fails: Callable, deadline: float) -> list[Operation]:
    """Leave out as much as can be, in ever smaller pieces."""
    size = max(1, len(operations) // 2)
    while True:
        at = 0
        while at < len(operations) and time.monotonic() < deadline:
            rest = operations[:at] + operations[at + size :]
            if _account_is_true(operations[at : at + size], rest) and fails(rest):
                operations = rest
            else:
                at += size
        if size == 1 or time.monotonic() > deadline:
            return operations
        size //= 2


def _account_is_true(gone: Sequence[Operation], rest: Sequence[Operation]) -> bool:
    """Whether nothing in ``rest`` speaks of an update that is ``gone``."""
    updates = [operation for operation in gone if _updates(operation)]
    touched = {key for operation in updates for key in operation.touches()}
    deleted = {key for operation in updates if _deletes(operation) for key in operation.touches()}
    values = {text(value) for operation in updates for value in _values(operation)}
    revisions = {operation.result.get("revision") for operation in updates if isinstance(operation.result, dict)}
    for operation in rest:
        if operation.failed or not touched & operation.touches():
            continue
        told = list(_told(operation))
        # A comparison that failed speaks of whatever made it fail.
        if any(one.get("succeeded") is False for one in told) and touched & _compared(operation):
            return False
        # What is gone may be what was counted, or what was deleted, or what deleted.
        if any("version" in one for one in told) or (told and _deletes(operation)):
            return False
        if deleted & operation.touches() and (
            0 in _expected(operation) or any(one.get("absent") or one.get("mismatch") == 0 for one in told)
        ):
            return False
        if any("value" in one and text(one["value"]) in values for one in told):
            return False
        spoken = {one.get(name) for one in told for name in ("revision", "mismatch")}
        if (spoken | _expected(operation)) & (revisions - {None, 0}):
            return False
    return True


def _deletes(operation: Operation) -> bool:
    parts = (*operation.arg.get("then", ()), *operation.arg.get("else", ()))
    return operation.op == "delete" or any(part["op"] == "delete" for part in parts)


def _updates(operation: Operation) -> bool:
    if operation.failed or operation.op in ("read", "stale_read"):
        return False
    told = operation.result if isinstance(operation.result, dict) else {}
    return "mismatch" not in told and "absent" not in told


def _values(operation: Operation) -> Iterator[object]:
    for part in (operation.arg, *operation.arg.get("then", ()), *operation.arg.get("else", ())):
        if "value" in part:
            yield part["value"]


def _told(operation: Operation) -> Iterator[dict]:
    if isinstance(operation.result, dict):
        yield operation.result
        yield from operation.result.get("results", ())


def _compared(operation: Operation) -> set[str]:
    return {part["key"] for part in operation.arg.get("compare", ())}


def _expected(operation: Operation) -> set[int]:
    """The revisions that it compared with; 0: that there is no entry."""
    compared = {part["revision"] for part in operation.arg.get("compare", ())}
    return compared | ({operation.arg["expected"]} if "expected" in operation.arg else set())


def _weakened(
    operations: list[Operation], fails: Callable, weaken: Callable[[Operation], Operation], deadline: float
) -> list[Operation]:
    for i, operation in enumerate(operations):
        weaker = weaken(operation)
        if weaker != operation and time.monotonic() < deadline:
            changed = [*operations[:i], weaker, *operations[i + 1 :]]
            if fails(changed):
                operations = changed
    return operations


def _without_details(operation: Operation) -> Operation:
    """Without the version that was told, which speaks of all earlier writes, and the revision that was replaced."""
    told = operation.result
    if not isinstance(told, dict) or "version" not in told:
        return operation
    arg = {name: value for name, value in operation.arg.items() if name != "expected"}
    result = {name: value for name, value in told.items() if name != "version"}
    return msgspec.structs.replace(operation, arg=arg, result=result)


def _forgotten(operation: Operation) -> Operation:
    return _forget(operation) if _updates(operation) and operation.known else operation


def table(operations: Sequence[Operation]) -> str:
    """For people: one line an operation, times in milliseconds since the first start."""
    zero = min(operation.start_ns for operation in operations)
    lines = []
    for operation in sorted(operations, key=lambda operation: operation.start_ns):
        end = "     ?    " if operation.end_ns is None else f"{(operation.end_ns - zero) / 1e6:10.3f}"
        where = f" at {operation.node}" if operation.node else ""
        told = operation.result if isinstance(operation.result, str) else text(operation.result)
        what = f"{operation.op} {operation.key or ''} {text(operation.arg) if operation.arg else ''}".strip()
        lines.append(
            f"{(operation.start_ns - zero) / 1e6:10.3f} .. {end}  p{operation.process}{where}  {what} -> {told}"
        )
    return "\n".join(lines)
