"""A three-way merge of sequences (diff3): what only one side has changed is taken from that side.

Where both have changed something and no element that all three share lies in between, it is a conflict: the changes
may belong together, so nothing is guessed. See Khanna, Kunal, Pierce, A Formal Investigation of Diff3, 2007.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# Comparing takes time in the square of the length at worst: anything longer is one chunk.
MOST_ITEMS = 4000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Three slices that stand for the same place, as (start, end) in each sequence."""

    base: tuple[int, int]
    theirs: tuple[int, int]
    yours: tuple[int, int]
    stable: bool


def chunks(base: Sequence[Hashable], theirs: Sequence[Hashable], yours: Sequence[Hashable]) -> list[Chunk]:
    """The three sequences cut into pieces, in order: those that are the same in all, and what lies between them."""
    lengths = len(base), len(theirs), len(yours)
    if max(lengths) > MOST_ITEMS:
        return [_chunk((0, 0, 0), lengths, stable=False)]
    in_theirs, in_yours = _matches(base, theirs), _matches(base, yours)
    found: list[Chunk] = []
    start = (0, 0, 0)
    while start != lengths:
        end = start
        while end[0] < lengths[0] and in_theirs.get(end[0]) == end[1] and in_yours.get(end[0]) == end[2]:
            end = (end[0] + 1, end[1] + 1, end[2] + 1)
        if end != start:
            found.append(_chunk(start, end, stable=True))
        else:
            shared = (at for at in range(start[0], lengths[0]) if at in in_theirs and at in in_yours)
            end = next(((at, in_theirs[at], in_yours[at]) for at in shared), lengths)
            found.append(_chunk(start, end, stable=False))
        start = end
    return found


def _chunk(start: tuple[int, int, int], end: tuple[int, int, int], *, stable: bool) -> Chunk:
    base, theirs, yours = zip(start, end, strict=True)
    return Chunk(base, theirs, yours, stable)


def _matches(base: Sequence[Hashable], side: Sequence[Hashable]) -> dict[int, int]:
    """Which place of ``side`` each place of ``base`` is found at; both rise together."""
    blocks = SequenceMatcher(None, base, side, autojunk=False).get_matching_blocks()
    return {block.a + i: block.b + i for block in blocks for i in range(block.size)}
