"""What revisions promise beyond linearizability: one order of all changes, the same on every node.

* A revision names one change: whoever reads an entry at a revision finds the same value (Raft's state machine safety).
* A change that was acknowledged before another began has the lower revision, whatever the keys.
* Every value that was read was written, by an operation that was not refused and had begun.
* A linearizable answer is at least at the revision of everything that was acknowledged before it was asked for.
* Stale reads of a node see only what was committed, never older than the revision the node says it is at, and its
  revisions never go back.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.linearizability.history import Operation
from tests.linearizability.model import text

READS = ("read", "stale_read")


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that was broken, and the operations that show it."""

    rule: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One key as an acknowledged operation left it; ``value`` is None for a deletion."""

    key: str
    value: str | None
    revision: int
    operation: Operation


def findings(operations: Sequence[Operation]) -> list[Finding]:
    changes = [change for operation in operations for change in _changes(operation)]
    checks = (_one_value_a_revision, _real_time, _only_what_was_written, _fresh_enough)
    found = [finding for check in checks for finding in check(operations, changes)]
    return found + _monotonic(operations) + _as_old_as_said(operations, changes)


def _changes(operation: Operation) -> Iterator[Change]:
    """What an operation is known to have changed."""
    told = operation.result
    if not isinstance(told, dict) or operation.op in READS or "mismatch" in told or told.get("absent"):
        return
    if operation.op == "txn":
        branch = operation.arg["then" if told["succeeded"] else "else"]
        for part, answer in zip(branch, told["results"], strict=True):
            if part["op"] != "read" and not answer.get("absent"):
                yield Change(part["key"], _value(part), told["revision"], operation)
    elif "revision" in told:
        yield Change(str(operation.key), _value(operation.arg), told["revision"], operation)


def _value(part: dict) -> str | None:
    return text(part["value"]) if "value" in part else None


def _sights(operation: Operation) -> Iterator[tuple[str, dict]]:
    """(key, what was read of it) for everything an operation read."""
    told = operation.result
    if not isinstance(told, dict):
        return
    if operation.op in READS:
        yield str(operation.key), told
    elif operation.op == "txn":
        branch = operation.arg["then" if told["succeeded"] else "else"]
        for part, answer in zip(branch, told["results"], strict=True):
            if part["op"] == "read":
                yield part["key"], answer


def _one_value_a_revision(operations: Sequence[Operation], changes: Sequence[Change]) -> Iterator[Finding]:
    values: dict[tuple[str, int], tuple[str | None, Operation]] = {}
    writers: dict[int, Operation] = {}
    for change in changes:
        values[change.key, change.revision] = (change.value, change.operation)
        other = writers.setdefault(change.revision, change.operation)
        if other is not change.operation:
            yield Finding("two operations were acknowledged at one revision", (other, change.operation))
    for operation in operations:
        for key, told in _sights(operation):
            if told.get("absent"):
                continue
            value = text(told["value"])
            before, first = values.setdefault((key, told["revision"]), (value, operation))
            if before != value:
                yield Finding("one entry has two values at one revision", (first, operation))


def _real_time(operations: Sequence[Operation], changes: Sequence[Change]) -> Iterator[Finding]:
    by_end = sorted(changes, key=lambda change: change.operation.end_ns or 0)
    highest: Change | None = None
    i = 0
    for change in sorted(changes, key=lambda change: change.operation.start_ns):
        while i < len(by_end) and (by_end[i].operation.end_ns or 0) < change.operation.start_ns:
            if highest is None or by_end[i].revision > highest.revision:
                highest = by_end[i]
            i += 1
        if highest is not None and change.revision <= highest.revision:
            yield Finding("a later change has an earlier revision", (highest.operation, change.operation))


def _only_what_was_written(operations: Sequence[Operation], changes: Sequence[Change]) -> Iterator[Finding]:
    writers: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    refused: dict[tuple[str, str], Operation] = {}
    for operation in operations:
        for key, value in _attempts(operation):
            if operation.failed or (isinstance(operation.result, dict) and "mismatch" in operation.result):
                refused[key, value] = operation
            else:
                writers[key, value].append(operation)
    for operation in operations:
        for key, told in _sights(operation):
            if told.get("absent"):
                continue
            value = text(told["value"])
            if any(writer.start_ns <= (operation.end_ns or 0) for writer in writers[key, value]):
                continue
            if (key, value) in refused:
                yield Finding("the value of a refused write was read", (refused[key, value], operation))
            else:
                yield Finding("a value was read that had not been written", (operation,))


def _attempts(operation: Operation) -> Iterator[tuple[str, str]]:
    if operation.op == "txn":
        for part in (*operation.arg["then"], *operation.arg["else"]):
            if "value" in part:
                yield part["key"], text(part["value"])
    elif "value" in operation.arg:
        yield str(operation.key), text(operation.arg["value"])


def _fresh_enough(operations: Sequence[Operation], changes: Sequence[Change]) -> Iterator[Finding]:
    ended = sorted(changes, key=lambda change: change.operation.end_ns or 0)
    ends = [change.operation.end_ns or 0 for change in ended]
    highest: list[Change] = []
    for change in ended:
        highest.append(change if not highest or change.revision > highest[-1].revision else highest[-1])
    for operation in operations:
        if operation.op == "read" and isinstance(operation.result, dict) and "applied" in operation.result:
            before = bisect_right(ends, operation.start_ns - 1)
            if before and operation.result["applied"] < highest[before - 1].revision:
                yield Finding("a read is older than what was acknowledged", (highest[before - 1].operation, operation))


def _monotonic(operations: Sequence[Operation]) -> list[Finding]:
    """The stale reads of each node, in real time: the node's revision, and that of every entry, never go back."""
    found: list[Finding] = []
    by_node: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.op == "stale_read" and isinstance(operation.result, dict):
            by_node[operation.node].append(operation)
    for reads in by_node.values():
        found += _going_back(reads, lambda told: told["applied"], "a node's revision went back")
        by_key: dict[str, list[Operation]] = defaultdict(list)
        for read in reads:
            if not (isinstance(read.result, dict) and read.result.get("absent")):
                by_key[str(read.key)].append(read)
        for of_key in by_key.values():
            found += _going_back(of_key, lambda told: told["revision"], "an entry went back on one node")
    return found


def _going_back(reads: Iterable[Operation], number, rule: str) -> Iterator[Finding]:
    reads = list(reads)
    by_end = sorted(reads, key=lambda read: read.end_ns or 0)
    highest: Operation | None = None
    i = 0
    for read in sorted(reads, key=lambda read: read.start_ns):
        while i < len(by_end) and (by_end[i].end_ns or 0) < read.start_ns:
            if highest is None or number(by_end[i].result) > number(highest.result):
                highest = by_end[i]
            i += 1
        if highest is not None and number(read.result) < number(highest.result):
            yield Finding(rule, (highest, read))


def _as_old_as_said(operations: Sequence[Operation], changes: Sequence[Change]) -> list[Finding]:
    """What a node serves at revision N holds every change of the entry up to N."""
    by_key: dict[str, list[Change]] = defaultdict(list)
    for change in sorted(changes, key=lambda change: change.revision):
        by_key[change.key].append(change)
    revisions = {key: [change.revision for change in history] for key, history in by_key.items()}
    silent = {key for operation in operations if not operation.known for key in _deletes(operation)}
    found: list[Finding] = []
    for operation in operations:
        told = operation.result
        key = str(operation.key)
        if operation.op not in READS or not isinstance(told, dict) or "applied" not in told or key not in by_key:
            continue
        position = bisect_right(revisions[key], told["applied"])
        if not position:
            continue
        last = by_key[key][position - 1]
        # What is not there may have been deleted since: by a later change, or by one that nobody heard of.
        gone_since = key in silent or any(change.value is None for change in by_key[key][position:])
        lost = last.value is not None and not gone_since
        if lost if told.get("absent") else told["revision"] < last.revision:
            found.append(Finding("a read is older than the revision that it names", (last.operation, operation)))
    return found


def _deletes(operation: Operation) -> set[str]:
    """The keys that an operation may delete."""
    if operation.op == "delete":
        return {str(operation.key)}
    parts = (*operation.arg.get("then", ()), *operation.arg.get("else", ()))
    return {part["key"] for part in parts if part["op"] == "delete"}
