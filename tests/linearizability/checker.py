"""Decides whether a history could have come from a sequential service (Wing & Gong 1993, Lowe 2017).

The search builds an order one operation at a time: next may be any whose start lies before the end of every other that
is not ordered yet. Configurations that were met before are not searched again. Keys that no transaction ties together
are searched apart, since linearizability is a local property (Herlihy & Wing 1990).

The order must also be that of the revisions, which the service promises and which cuts the search short: a change
comes after all changes, and after all that was seen of its keys, at earlier revisions. An operation of unknown outcome
may come anywhere after its start, or never; it is tried only where a key of it is about to be changed, or holds what
cannot be. A search that takes too long, or too much memory, ends undecided.
"""

import enum
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.linearizability.history import Operation
from tests.linearizability.model import Call, State, compile_history, step, told_revisions


class Verdict(enum.Enum):
    YES = "linearizable"
    NO = "not linearizable"
    UNDECIDED = "could not decide"


@dataclass(frozen=True, slots=True)
class Limits:
    """For one search: ``configurations`` bounds its memory (about 300 bytes each)."""

    seconds: float = 20.0
    configurations: int = 1_000_000


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Part:
    """The operations of keys that belong together, and what became of them."""

    keys: tuple[str, ...]
    operations: tuple[Operation, ...]
    verdict: Verdict


def check(operations: Sequence[Operation], limits: Limits = DEFAULT) -> list[Part]:
    """Every part of the history with its verdict.

    A stale read may be of any age, so it has no place in the order; but what it saw was committed by then.
    """
    fresh = [operation for operation in operations if operation.op != "stale_read"]
    proofs = [one for one in operations if one.op == "stale_read" and isinstance(one.result, dict)]
    parts = []
    for keys, part in split(fresh):
        told = (*part, *(proof for proof in proofs if proof.key in keys))
        parts.append(Part(keys, told, decide(told, keys, limits)))
    return parts


def split(operations: Sequence[Operation]) -> list[tuple[tuple[str, ...], tuple[Operation, ...]]]:
    """Groups of keys that transactions tie together, with their operations."""
    root: dict[str, str] = {}

    def find(key: str) -> str:
        root.setdefault(key, key)
        while root[key] != key:
            root[key] = root[root[key]]
            key = root[key]
        return key

    for operation in operations:
        first, *rest = sorted(operation.touches())
        for key in rest:
            root[find(key)] = find(first)
        find(first)
    keys: dict[str, list[str]] = {}
    for key in sorted(root):
        keys.setdefault(find(key), []).append(key)
    parts: dict[str, list[Operation]] = {name: [] for name in keys}
    for operation in operations:
        parts[find(next(iter(operation.touches())))].append(operation)
    return [(tuple(keys[name]), tuple(part)) for name, part in parts.items()]


def decide(operations: Sequence[Operation], keys: Sequence[str], limits: Limits = DEFAULT) -> Verdict:
    """For operations of ``keys`` only, which all begin absent; the stale reads among them only prove writes."""
    return _Search(compile_history(operations, keys), len(keys)).run(limits)


NEVER = 1 << 63
# A configuration: all known calls before ``low`` are ordered, and of those from there on the ones in ``ahead``; of the
# unknown ones those in ``taken``; and the state after them.
Configuration = tuple[int, int, int, State]


class _Search:
    def __init__(self, calls: Sequence[Call], cells: int):
        self._known = sorted((call for call in calls if call.end is not None), key=lambda call: call.start)
        self._unknown = sorted((call for call in calls if call.end is None), key=lambda call: call.start)
        self._first: Configuration = (0, 0, 0, (None,) * cells)
        self._order = RevisionOrder(self._known, cells)
        # Of calls that can stand for each other only the one that started first needs to be tried.
        self._before: list[int | None] = []
        last: dict[tuple[str, int], int] = {}
        for i, call in enumerate(self._unknown):
            group = call.swap_class
            self._before.append(last.get(group) if group else None)
            if group:
                last[group] = i

    def run(self, limits: Limits) -> Verdict:
        deadline = time.monotonic() + limits.seconds
        found = {self._first}
        waiting = [self._first]
        steps = 0
        while waiting:
            steps += 1
            if len(found) > limits.configurations or (steps % 256 == 1 and time.monotonic() > deadline):
                return Verdict.UNDECIDED
            at = waiting.pop()
            if at[0] == len(self._known):
                return Verdict.YES
            for following in self._expand(at):
                if following not in found:
                    found.add(following)
                    waiting.append(following)
        return Verdict.NO

    def _expand(self, at: Configuration) -> list[Configuration]:
        """What can follow; the likeliest last. A call that fits and changes nothing is taken without alternative."""
        low, ahead, _, state = at
        candidates, deadline, after_them = self._candidates(low, ahead)
        may_change = self._order.next_changes(candidates, after_them)
        known: list[Configuration] = []
        touched: set[int] = set()
        urgent: set[int] = set()  # of these cells, what cannot wait does not fit
        for i in sorted(candidates, key=lambda i: -(self._known[i].end or 0)):
            call = self._known[i]
            after = step(state, call)
            if after == (state,):
                return [self._take(at, i, state)]
            if i in may_change:
                known.extend(self._take(at, i, following) for following in after)
            if not after or i in may_change:
                touched.update(call.cells)
            if not after and (call.end == deadline or self._order.is_lowest_change(i, candidates)):
                urgent.update(call.cells)
        return self._unknown_next(at, deadline, touched, urgent) + known

    def _unknown_next(
        self, at: Configuration, deadline: int, touched: set[int], urgent: set[int]
    ) -> list[Configuration]:
        low, ahead, taken, state = at
        ready = [
            i
            for i, call in enumerate(self._unknown)
            if call.start <= deadline
            and not taken >> i & 1
            and ((before := self._before[i]) is None or taken >> before & 1)
        ]
        reached = _closure(touched, [self._unknown[i].cells for i in ready])
        ready.sort(key=lambda i: not urgent.isdisjoint(self._unknown[i].cells))
        return [
            (low, ahead, taken | 1 << i, following)
            for i in ready
            if not reached.isdisjoint(self._unknown[i].cells)
            for following in step(state, self._unknown[i])
            if following != state
        ]

    def _candidates(self, low: int, ahead: int) -> tuple[list[int], int, int]:
        """The known calls that may come next, the first end of any, and the first call after them."""
        candidates: list[int] = []
        deadline = NEVER
        for i in range(low, len(self._known)):
            call = self._known[i]
            if call.start > deadline:
                return candidates, deadline, i
            if not ahead >> (i - low) & 1:
                candidates.append(i)
                deadline = min(deadline, call.end or 0)
        return candidates, deadline, len(self._known)

    @staticmethod
    def _take(at: Configuration, i: int, state: State) -> Configuration:
        low, ahead, taken, _ = at
        ahead |= 1 << (i - low)
        while ahead & 1:
            ahead >>= 1
            low += 1
        return low, ahead, taken, state


class RevisionOrder:
    """Which of the calls that real time allows next are next by revision too."""

    def __init__(self, calls: Sequence[Call], cells: int):
        self._told = [told_revisions(call) for call in calls]
        # For every call: the lowest revision at which it or a later one changed anything, or told of each cell.
        self._changed = [NEVER]
        self._seen = [(NEVER,) * cells]
        for told in reversed(self._told):
            self._changed.append(min([self._changed[-1], *(revision for _, revision, changes in told if changes)]))
            row = list(self._seen[-1])
            for cell, revision, _ in told:
                row[cell] = min(row[cell], revision)
            self._seen.append(tuple(row))
        self._changed.reverse()
        self._seen.reverse()

    def next_changes(self, candidates: Sequence[int], after_them: int) -> set[int]:
        """Of ``candidates``, those that nothing at an earlier revision has to precede."""
        lowest, seen = self._changed[after_them], list(self._seen[after_them])
        for i in candidates:
            for cell, revision, changes in self._told[i]:
                seen[cell] = min(seen[cell], revision)
                if changes:
                    lowest = min(lowest, revision)
        return {
            i
            for i in candidates
            if all(revision <= min(lowest, seen[cell]) for cell, revision, changes in self._told[i] if changes)
        }

    def is_lowest_change(self, i: int, candidates: Sequence[int]) -> bool:
        own = self._revision(i)
        return own < NEVER and own == min(map(self._revision, candidates))

    def _revision(self, i: int) -> int:
        """At which it changed something."""
        return min([revision for _, revision, changes in self._told[i] if changes], default=NEVER)


def _closure(cells: set[int], ties: Sequence[frozenset[int]]) -> set[int]:
    """``cells``, and all that ``ties`` connect with them."""
    reached, grown = set(cells), True
    while grown:
        grown = False
        for tie in ties:
            if not reached.isdisjoint(tie) and not tie <= reached:
                reached |= tie
                grown = True
    return reached
