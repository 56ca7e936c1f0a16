"""Two texts side by side: rows with what changed within a line, long stretches of nothing left out."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

SAME, CHANGED, ADDED, REMOVED, GAP = "same", "changed", "added", "removed", "gap"
CONTEXT = 3
# Beyond these, comparing takes longer than a person would wait: what is different is then one block.
MOST_LINES = 3000
MOST_LINE = 2000
MOST_ROWS = 1500
# Lines that have less than this in common are two lines, not one that was changed.
ALIKE = 0.35

_TOKENS = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of each side, or None where it has none. ``skipped``: so many lines are the same and not shown."""

    kind: str
    old_number: int | None = None
    old: tuple[Piece, ...] | None = None
    new_number: int | None = None
    new: tuple[Piece, ...] | None = None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left_out`` rows were too many to show."""

    rows: tuple[Row, ...]
    added: int
    removed: int
    left_out: int = 0

    @property
    def same(self) -> bool:
        return not (self.added or self.removed)


def compare(old: str | None, new: str | None, context: int = CONTEXT) -> Comparison:
    """None: there was, or is, no text at all."""
    before, after = _lines(old), _lines(new)
    rows: list[Row] = []
    added = removed = 0
    for tag, i, j, k, m in _opcodes(before, after):
        if tag == "equal":
            rows += [_same_row(i + n, k + n, before[i + n]) for n in range(j - i)]
            continue
        added, removed = added + m - k, removed + j - i
        rows += _changed_rows(before, after, i, j, k, m)
    rows = list(_without_stretches(rows, context))
    return Comparison(tuple(rows[:MOST_ROWS]), added, removed, max(0, len(rows) - MOST_ROWS))


def _lines(text: str | None) -> list[str]:
    return [] if text is None else text.split("\n")


def _opcodes(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if max(len(old), len(new)) > MOST_LINES:
        middle = [("replace", 0, len(old), 0, len(new))]
    else:
        middle = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    found = [("equal", 0, start, 0, start)]
    found += [(tag, i + start, j + start, k + start, m + start) for tag, i, j, k, m in middle]
    found.append(("equal", len(before) - end, len(before), len(after) - end, len(after)))
    return found


def _same_row(old: int, new: int, line: str) -> Row:
    pieces = (Piece(line),)
    return Row(SAME, old + 1, pieces, new + 1, pieces)


def _changed_rows(before: Sequence[str], after: Sequence[str], i: int, j: int, k: int, m: int) -> Iterator[Row]:
    """Lines that are alike share a row, and so do two that stand for each other alone; the others get one each."""
    if (j - i, m - k) == (1, 1) and _pieces(before[i], after[k]) is None:
        yield Row(CHANGED, i + 1, (Piece(before[i], True),), k + 1, (Piece(after[k], True),))
        return
    while i < j or k < m:
        if i < j and k < m:
            pair = _pieces(before[i], after[k])
            if pair is not None:
                yield Row(CHANGED, i + 1, pair[0], k + 1, pair[1])
                i, k = i + 1, k + 1
                continue
        if i < j and (j - i >= m - k or k == m):
            yield Row(REMOVED, i + 1, (Piece(before[i], True),))
            i += 1
        else:
            yield Row(ADDED, None, None, k + 1, (Piece(after[k], True),))
            k += 1


def _pieces(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]] | None:
    """Both lines with what changed in them marked; None where they have too little in common."""
    if max(len(old), len(new)) > MOST_LINE:
        return None
    left, right = _TOKENS.findall(old), _TOKENS.findall(new)
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < ALIKE:
        return None
    codes = matcher.get_opcodes()
    return (
        tuple(Piece("".join(left[i:j]), tag != "equal") for tag, i, j, _, _ in codes if j > i),
        tuple(Piece("".join(right[k:m]), tag != "equal") for tag, _, _, k, m in codes if m > k),
    )


def _without_stretches(rows: Sequence[Row], context: int) -> Iterator[Row]:
    changed = [place for place, row in enumerate(rows) if row.kind != SAME]
    if not changed:
        yield from _shortened(rows, 0 if context == 0 else 2 * context)
        return
    near = {place + step for place in changed for step in range(-context, context + 1)}
    skipped: list[Row] = []
    for place, row in enumerate(rows):
        if place not in near:
            skipped.append(row)
            continue
        yield from _gap(skipped)
        skipped = []
        yield row
    yield from _gap(skipped)


def _shortened(rows: Sequence[Row], longest: int) -> Iterator[Row]:
    yield from rows[:longest]
    yield from _gap(rows[longest:])


def _gap(skipped: Sequence[Row]) -> Iterator[Row]:
    """One line left out would take as much room as itself."""
    if len(skipped) == 1:
        yield skipped[0]
    elif skipped:
        yield Row(GAP, skipped=len(skipped))
