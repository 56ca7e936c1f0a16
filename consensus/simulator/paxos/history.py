"""What clients saw of one register: is there one order of all operations that explains it (linearizability)?

Every change that took effect has a version, so the order is known and only has to be verified: each operation must
follow from the one before it, and none may stand before another that ended before it began.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from consensus.simulator.ledger import Violation

PUT, APPEND, DELETE, READ = "put", "append", "delete", "read"


@dataclass(slots=True)
class Operation:
    """``began`` and ``ended`` count events; ``ended`` None: its outcome was never known. ``changed``: it took effect;
    otherwise it saw ``value`` at ``version`` (0 and None: nothing there), as a conflict does, too."""

    request_id: str
    kind: str
    began: int
    expected_version: int | None = None
    ended: int | None = None
    changed: bool = False
    version: int = 0
    value: bytes | None = None


def check(operations: Iterable[Operation], applied: Mapping[str, int]) -> None:
    """``applied``: the version that each change made, also where the client never heard of it."""
    operations = list(operations)
    states = _replay({applied[one.request_id]: one for one in operations if one.request_id in applied})
    positions: dict[str, int] = {}
    absent: list[Operation] = []
    for one in operations:
        if one.request_id in applied:
            positions[one.request_id] = applied[one.request_id]
        elif one.ended is not None and one.value is None:
            absent.append(one)
        elif one.ended is not None:
            if states.get(one.version) != one.value:
                raise Violation(f"{one} saw a value that version {one.version} never had")
            positions[one.request_id] = one.version
    _place_absent(absent, operations, positions, [0, *(version for version, value in states.items() if value is None)])
    _real_time([one for one in operations if one.request_id in positions], positions)


def _replay(changes: Mapping[int, Operation]) -> dict[int, bytes | None]:
    """The value at each version; each change must have been allowed where it stands."""
    states: dict[int, bytes | None] = {}
    value: bytes | None = None
    live_version = 0
    for version, change in sorted(changes.items()):
        if change.expected_version is not None and change.expected_version != live_version:
            raise Violation(f"{change} took effect on version {live_version}")
        if change.kind == DELETE and value is None:
            raise Violation(f"{change} deleted nothing")
        own = change.request_id.encode()
        value = {PUT: own, APPEND: (value or b"") + own, DELETE: None}[change.kind]
        live_version = 0 if value is None else version
        states[version] = value
    return states


def _place_absent(
    absent: list[Operation], operations: list[Operation], positions: dict[str, int], gaps: list[int]
) -> None:
    """Who saw nothing may stand after any deletion, or at the beginning: the earliest place that time allows."""
    for one in sorted(absent, key=lambda operation: operation.began):
        earliest = max(
            (
                positions[other.request_id]
                for other in operations
                if other.request_id in positions and other.ended is not None and other.ended < one.began
            ),
            default=0,
        )
        place = next((gap for gap in sorted(gaps) if gap >= earliest), None)
        if place is None:
            raise Violation(f"{one} saw nothing, but version {earliest} was there before and never deleted")
        positions[one.request_id] = place


def _real_time(operations: list[Operation], positions: Mapping[str, int]) -> None:
    """What ended before another began stands before it; a change stands after all that saw less."""
    ends = sorted((one.ended, positions[one.request_id], one) for one in operations if one.ended is not None)
    latest, seen, done = -1, None, 0
    for one in sorted(operations, key=lambda operation: operation.began):
        while done < len(ends) and ends[done][0] < one.began:
            if ends[done][1] > latest:
                latest, seen = ends[done][1], ends[done][2]
            done += 1
        position = positions[one.request_id]
        if position < latest or (one.changed and position <= latest):
            raise Violation(f"{one} began after {seen} had ended, but stands before it")
