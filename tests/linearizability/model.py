"""What a sequential service would do: keys with a value, a revision and a version (how often it was written).

Every operation is compiled to a `Call`: comparisons of revisions, and what is done when they hold or do not. A cell of
the state is None (no such entry) or (value, revision, version); the revision is open after a write whose answer
nobody got, until something tells it: to all entries that one transaction wrote at once, since it has one revision.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from tests.linearizability.history import UNKNOWN, Operation


class Open(NamedTuple):
    """A revision that nobody was told of yet, and what it is not. ``of``: the call that wrote several entries at it."""

    of: int | None = None
    but_not: frozenset[int] = frozenset()


Cell = tuple[str, int | Open, int] | None
State = tuple[Cell, ...]
UNSEEN = "?"  # no JSON text: the value of writes that nobody ever saw


@dataclass(frozen=True, slots=True)
class Seen:
    """What was told of one entry; None: nothing was told. Revision 0 means that there is no entry."""

    value: str | None = None
    revision: int | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """``kind`` is "read", "write" or "delete"."""

    kind: str
    cell: int
    value: str = ""


@dataclass(frozen=True)
class Call:
    """``succeeded`` says which branch was taken, None: not known.

    ``seen`` belongs to that branch's actions: what was told of each, None where nothing was.
    """

    start: int
    end: int | None
    compares: tuple[tuple[int, Seen], ...] = ()
    then: tuple[Action, ...] = ()
    otherwise: tuple[Action, ...] = ()
    succeeded: bool | None = None
    seen: tuple[Seen | None, ...] = ()
    number: int = 0  # of the operation, in the history that was compiled

    @cached_property
    def cells(self) -> frozenset[int]:
        """All that it may compare or touch."""
        return frozenset([cell for cell, _ in self.compares] + [one.cell for one in (*self.then, *self.otherwise)])

    @property
    def swap_class(self) -> tuple[str, int] | None:
        """Calls of one class can stand for each other: blind updates of unknown outcome that nobody saw."""
        if self.end is not None or self.compares or len(self.then) != 1:
            return None
        action = self.then[0]
        if action.kind == "delete" or (action.kind == "write" and action.value == UNSEEN):
            return action.kind, action.cell
        return None


def text(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def step(state: State, call: Call) -> tuple[State, ...]:
    """The states that can follow when ``call`` takes effect in ``state``; none: it cannot have."""
    following: tuple[State, ...] = ()
    if call.succeeded is not False and (held := _where_equal(state, call.compares)) is not None:
        following = _run(held, call, call.then)
    if call.succeeded is False or (call.succeeded is None and call.otherwise):
        for held in _where_different(state, call.compares):
            following += _run(held, call, call.otherwise)
    return following


def _where_equal(state: State, compares: Iterable[tuple[int, Seen]]) -> State | None:
    """``state`` with what the comparisons tell of it, or None where they do not hold."""
    for cell, expected in compares:
        bound = _bind(state, cell, expected)
        if bound is None:
            return None
        state = bound
    return state


def _where_different(state: State, compares: Iterable[tuple[int, Seen]]) -> list[State]:
    """``state`` where one comparison fails for certain; else once for each that may, with what it tells then."""
    possible = []
    for cell, expected in compares:
        held, number = state[cell], expected.revision or 0
        if held is None or not isinstance(held[1], Open):
            if number != (0 if held is None else held[1]):
                return [state]
        elif not number or number in held[1].but_not or expected.value not in (None, held[0]):
            return [state]
        else:
            possible.append(_settled(state, cell, held[1]._replace(but_not=held[1].but_not | {number})))
    return possible


def _run(state: State, call: Call, actions: Sequence[Action]) -> tuple[State, ...]:
    tie = Open(call.number) if sum(action.kind == "write" for action in actions) > 1 else Open()
    for i, action in enumerate(actions):
        told = call.seen[i] if call.seen else None
        if action.kind == "read":
            bound = state if told is None else _bind(state, action.cell, told)
            if bound is None:
                return ()
            state = bound
            continue
        cell = state[action.cell]
        after = (
            _written(cell, action.value, told or Seen(), tie)
            if action.kind == "write"
            else _deleted(cell, told or Seen())
        )
        if after is False:
            return ()
        state = _with(state, action.cell, after)
    return (state,)


def _written(cell: Cell, value: str, told: Seen, unknown: Open) -> Cell | bool:
    version = 1 if cell is None else cell[2] + 1
    if told.version not in (None, version):
        return False
    return False if _goes_back(cell, told) else (value, unknown if told.revision is None else told.revision, version)


def _deleted(cell: Cell, told: Seen) -> Cell | bool:
    """Revision 0 says that there was nothing to delete."""
    if told.revision is not None and (told.revision == 0) != (cell is None):
        return False
    return False if _goes_back(cell, told) else None


def _goes_back(cell: Cell, told: Seen) -> bool:
    """Whether the change's revision is not above that of what it changes."""
    return cell is not None and told.revision is not None and isinstance(cell[1], int) and told.revision <= cell[1]


def _bind(state: State, index: int, told: Seen) -> State | None:
    """``state`` with the revision that was told of a cell, or None where something that was told is wrong."""
    cell = state[index]
    if cell is None:
        return state if told.revision in (0, None) and told.value is None and told.version is None else None
    value, revision, version = cell
    if (told.value is not None and told.value != value) or (told.version is not None and told.version != version):
        return None
    if told.revision is None or told.revision == revision:
        return state
    if told.revision == 0 or not isinstance(revision, Open) or told.revision in revision.but_not:
        return None
    return _settled(state, index, told.revision)


def _settled(state: State, index: int, told: int | Open) -> State:
    """``state`` with what was told of an open revision, wherever that stands."""
    held = state[index]
    assert held is not None
    if not isinstance(held[1], Open) or held[1].of is None:
        return _with(state, index, (held[0], told, held[2]))
    return tuple((cell[0], told, cell[2]) if cell is not None and cell[1] == held[1] else cell for cell in state)


def _with(state: State, index: int, cell: Cell) -> State:
    return state if state[index] is cell else (*state[:index], cell, *state[index + 1 :])


def told_revisions(call: Call) -> list[tuple[int, int, bool]]:
    """(cell, revision, whether it was changed then) for all that the answer tells."""
    actions = call.then if call.succeeded else call.otherwise
    return [
        (action.cell, told.revision, action.kind != "read")
        for action, told in zip(actions, call.seen, strict=False)
        if told is not None and told.revision
    ]


# --- compiling -------------------------------------------------------------------------------------------------------
def compile_history(operations: Sequence[Operation], keys: Sequence[str]) -> list[Call]:
    """Calls over cells numbered as ``keys``. Those that certainly changed nothing and told nothing are left out.

    A value that somebody saw proves that its write took effect by then, if it was written once only: such a write is
    no longer unknown. Values that nobody saw are made equal.
    """
    cells = {key: number for number, key in enumerate(keys)}
    calls = [
        _compile(operation, cells, number)
        for number, operation in enumerate(operations)
        if not operation.failed and (operation.known or operation.op not in ("read", "stale_read"))
    ]
    written = Counter((a.cell, a.value) for call in calls for a in _writes(call))
    sightings: dict[tuple[int, str], tuple[int, Seen]] = {}
    for call in calls:
        for action, told in zip(_branch(call), call.seen, strict=False):
            if action.kind == "read" and told is not None and told.value is not None and call.end is not None:
                spot = (action.cell, told.value)
                if spot not in sightings or call.end < sightings[spot][0]:
                    sightings[spot] = (call.end, told)
    proofs = {number for number, operation in enumerate(operations) if operation.op == "stale_read"}
    return _enriched([_settle(call, written, sightings) for call in calls if call.number not in proofs])


def _enriched(calls: Sequence[Call]) -> list[Call]:
    """Whoever speaks of a revision speaks of the value that was written at it, where that is known."""
    values = {
        (action.cell, told.revision): action.value
        for call in calls
        for action, told in zip(_branch(call), call.seen, strict=False)
        if action.kind == "write" and told is not None and told.revision
    }

    def enrich(cell: int, told: Seen | None) -> Seen | None:
        known = None if told is None or told.value is not None else values.get((cell, told.revision or 0))
        return told if told is None or known is None else replace(told, value=known)

    return [
        replace(
            call,
            compares=tuple((cell, enrich(cell, expected)) for cell, expected in call.compares),
            seen=tuple(enrich(one.cell, told) for one, told in zip(_branch(call), call.seen, strict=False)),
        )
        for call in calls
    ]


def _branch(call: Call) -> tuple[Action, ...]:
    return call.then if call.succeeded else call.otherwise


def _writes(call: Call) -> list[Action]:
    return [action for action in (*call.then, *call.otherwise) if action.kind == "write"]


def _settle(call: Call, written: Counter, sightings: dict[tuple[int, str], tuple[int, Seen]]) -> Call:
    if call.end is not None:
        return call
    for branch, succeeded in ((call.then, True), (call.otherwise, False)):
        spots = [(action.cell, action.value) for action in branch if action.kind == "write"]
        known = [sightings[spot] for spot in spots if spot in sightings and written[spot] == 1]
        if known:
            revision = next((told.revision for _, told in known if told.revision), None)
            seen = tuple(_sighted(action, sightings, written, revision) for action in branch)
            return replace(call, end=max(call.start, min(end for end, _ in known)), succeeded=succeeded, seen=seen)

    def plain(action: Action) -> Action:
        unseen = action.kind == "write" and (action.cell, action.value) not in sightings
        return replace(action, value=UNSEEN) if unseen else action

    return replace(call, then=tuple(map(plain, call.then)), otherwise=tuple(map(plain, call.otherwise)))


def _sighted(action: Action, sightings: dict, written: Counter, revision: int | None) -> Seen | None:
    """All that a transaction wrote is at one revision."""
    if action.kind != "write":
        return None
    spot = (action.cell, action.value)
    known = spot in sightings and written[spot] == 1
    return Seen(revision=revision, version=sightings[spot][1].version if known else None)


def _compile(operation: Operation, cells: dict[str, int], number: int) -> Call:
    start, end, result = operation.start_ns, operation.end_ns, operation.result
    if operation.op == "txn":
        return _compile_txn(operation, cells, number)
    cell = cells[str(operation.key)]
    known = result != UNKNOWN
    told = result if isinstance(result, dict) else {}
    match operation.op:
        case "read" | "stale_read":
            return Call(start, end, then=(Action("read", cell),), succeeded=True, seen=(_seen(told),), number=number)
        case "write" | "cas":
            actions = (Action("write", cell, text(operation.arg["value"])),)
            compares = ((cell, Seen(revision=operation.arg["expected"])),) if "expected" in operation.arg else ()
            if "mismatch" in told:
                otherwise = (Action("read", cell),)
                seen = (Seen(revision=told["mismatch"]),)
                return Call(start, end, compares, actions, otherwise, False, seen, number)
            return Call(start, end, compares, actions, (), True if known else None, (_seen(told),), number)
        case "delete":
            if told.get("absent"):
                return Call(
                    start, end, then=(Action("read", cell),), succeeded=True, seen=(_seen(told),), number=number
                )
            seen = (_seen(told),) if known else ()
            succeeded = True if known else None
            return Call(start, end, then=(Action("delete", cell),), succeeded=succeeded, seen=seen, number=number)
    raise ValueError(f"no such op: {operation.op}")


def _compile_txn(operation: Operation, cells: dict[str, int], number: int) -> Call:
    compares = tuple((cells[part["key"]], Seen(revision=part["revision"])) for part in operation.arg["compare"])
    then, otherwise = (
        tuple(Action(part["op"], cells[part["key"]], text(part["value"]) if "value" in part else "") for part in parts)
        for parts in (operation.arg["then"], operation.arg["else"])
    )
    if not isinstance(operation.result, dict):
        return Call(operation.start_ns, None, compares, then, otherwise, None, (), number)
    seen = tuple(_seen(told) for told in operation.result["results"])
    succeeded = operation.result["succeeded"]
    return Call(operation.start_ns, operation.end_ns, compares, then, otherwise, succeeded, seen, number)


def _seen(told: dict) -> Seen:
    if told.get("absent"):
        return Seen(revision=0)
    value = text(told["value"]) if "value" in told else None
    return Seen(value, told.get("revision"), told.get("version"))
