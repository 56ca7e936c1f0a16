"""Decides tiny histories by trying every order on a plain sequential service. Slow, and hard to get wrong."""

from collections.abc import Iterator, Sequence
from copy import deepcopy

from tests.linearizability.history import Operation
from tests.linearizability.sequential import Service

_NOBODYS = 1_000_000


def is_linearizable(operations: Sequence[Operation], ordered: bool = True) -> bool:
    """Every order that real time allows, every subset of the unknown ones.

    ``ordered``: the order is that of the revisions too, each of which names one change.
    """
    relevant = [one for one in operations if not one.failed and (one.known or one.op != "read")]
    return _extend(relevant, Service(), 0, frozenset(), _Told(relevant, ordered))


class _Told:
    """Every revision that anybody was told, and those at which each value was seen."""

    def __init__(self, operations: Sequence[Operation], ordered: bool):
        self.ordered = ordered
        self.seen: set[tuple[str, object, int]] = set()
        numbers: set[int] = set()
        for operation in operations:
            for part in (operation.arg, operation.result):
                numbers |= _numbers(part)
            self.seen.update(_sights(operation))
        self.revisions = sorted(numbers - {0})


def _numbers(told: object) -> set[int]:
    if isinstance(told, list):
        return set().union(*map(_numbers, told))
    if not isinstance(told, dict):
        return set()
    found = {told[name] for name in ("revision", "mismatch", "expected") if name in told}
    return found.union(*(_numbers(inner) for inner in told.values() if isinstance(inner, list)))


def _sights(operation: Operation) -> Iterator[tuple[str, object, int]]:
    if not isinstance(operation.result, dict):
        return
    if operation.op == "read" and "value" in operation.result:
        yield str(operation.key), operation.result["value"], operation.result["revision"]
    if operation.op == "txn":
        branch = operation.arg["then" if operation.result["succeeded"] else "else"]
        for part, answer in zip(branch, operation.result["results"], strict=True):
            if part["op"] == "read" and "value" in answer:
                yield part["key"], answer["value"], answer["revision"]


def _extend(left: list[Operation], service: Service, last: int, used: frozenset[int], told: _Told) -> bool:
    """``last`` is the highest revision of a change so far that anybody was told, ``used`` are those of all changes."""
    if not any(operation.known for operation in left):
        return True
    first_end = min(operation.end_ns for operation in left if operation.end_ns is not None)
    for i, operation in enumerate(left):
        if operation.start_ns > first_end:
            continue
        rest = left[:i] + left[i + 1 :]
        # An unknown change has some revision: one of those that were told, or one that nobody ever speaks of.
        for revision in [_own_revision(operation)] if operation.known else [*told.revisions, _NOBODYS + i]:
            after = deepcopy(service)
            after.revision = revision - 1
            result = after.execute(operation.op, operation.key, deepcopy(operation.arg))
            changed = [key for key in operation.touches() if after.entries.get(key) != service.entries.get(key)]
            spoken_of = operation.known or any((key, *after.entries.get(key, ())[:2]) in told.seen for key in changed)
            if told.ordered and changed and revision <= max(_last_of(service, key) for key in changed):
                continue
            if told.ordered and changed and revision in used:
                continue
            if told.ordered and changed and spoken_of and revision < last:
                continue
            if operation.known and not _is_what_was_told(operation, result):
                continue
            highest = max(last, revision) if changed and spoken_of else last
            if _extend(rest, after, highest, used | {revision} if changed else used, told):
                return True
    return False


def _last_of(service: Service, key: str) -> int:
    revision = service.changed.get(key, 0)
    return revision if revision < _NOBODYS else 0


def _own_revision(operation: Operation) -> int:
    told = operation.result
    return told.get("revision", 1) if isinstance(told, dict) else 1


def _is_what_was_told(operation: Operation, result: dict) -> bool:
    told = dict(operation.result) if isinstance(operation.result, dict) else {}
    return {**told, "applied": 0} == {**result, "applied": 0}
