"""The log of one node: terms of all of it, entries of its tail.

Rules (P 5.3, 7): entries that match are never dropped; a conflicting entry drops itself and everything after it; the
commit index never falls inside what is dropped. The log begins after its *base*: what was up to there has been
compacted away, but the term at the base itself stays known for the match check. Terms are kept as runs, (first index,
term), so that matching and the search for a conflict never read storage. Entries older than the bounded tail are read
through `StableLog`.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

from consensus.raft.messages import Entry


class StableLog(Protocol):
    """Entries that are durable and no longer in the tail."""

    def read(self, first: int, last: int) -> list[Entry]:
        """Entries ``first`` to ``last``, both included."""
        ...


class Log:
    """What is durable at the start: ``terms`` are its runs after ``base`` (index, term), ``last_index`` its end."""

    def __init__(
        self,
        stable: StableLog,
        terms: Sequence[tuple[int, int]] = (),
        last_index: int = 0,
        base: tuple[int, int] = (0, 0),
        tail_bytes: int = 8 << 20,
    ):
        self._stable = stable
        self._starts = [base[0], *(start for start, _ in terms)]
        self._terms = [base[1], *(term for _, term in terms)]
        self._tail: list[Entry] = []
        self._tail_first = last_index + 1
        self._tail_size = 0
        self._tail_limit = tail_bytes
        self.last_index = last_index
        self.persisted_index = last_index
        self._unsaved_first = last_index + 1

    @property
    def base_index(self) -> int:
        """The log begins after this; 0 while nothing has been compacted."""
        return self._starts[0]

    @property
    def last_term(self) -> int:
        return self._terms[-1]

    def term_at(self, index: int) -> int | None:
        """The term of the entry at ``index``; 0 at 0; None beyond the end and before the base."""
        if index < self._starts[0] or index > self.last_index:
            return None
        return self._terms[bisect_right(self._starts, index) - 1]

    def matches(self, index: int, term: int) -> bool:
        return self.term_at(index) == term

    def is_up_to_date(self, last_index: int, last_term: int) -> bool:
        """Whether a log that ends so is at least as up to date as this one: terms compare first (P 5.4.1)."""
        return (last_term, last_index) >= (self.last_term, self.last_index)

    def last_at_or_below(self, index: int, term: int) -> tuple[int, int]:
        """The highest (index, term) with an index at most ``index`` and a term at most ``term``.

        Before the base nothing is known: an ``index`` there comes back as it is, with term 0; and what would lie there
        comes back as the base, which is committed and so the same on every node.
        """
        index = min(index, self.last_index)
        if index < self._starts[0]:
            return index, 0
        run = bisect_right(self._starts, index) - 1
        while run > 0 and self._terms[run] > term:
            index = self._starts[run] - 1
            run -= 1
        if self._terms[run] > term:
            index = self._starts[run]
        return index, self._terms[run]

    def first_conflict(self, entries: Sequence[Entry]) -> int:
        """Position of the first of ``entries`` that this log does not hold; their number if it holds all."""
        for position, entry in enumerate(entries):
            if self.term_at(entry.index) != entry.term:
                return position
        return len(entries)

    def append(self, entries: Sequence[Entry]) -> None:
        """Put ``entries`` (consecutive) in place, dropping what stands at their first index and after."""
        first = entries[0].index
        if first <= self.last_index:
            self._truncate(first)
        for entry in entries:
            if entry.term != self._terms[-1]:
                self._starts.append(entry.index)
                self._terms.append(entry.term)
        self._tail.extend(entries)
        self._tail_size += sum(len(entry.data) for entry in entries)
        self.last_index = entries[-1].index

    def _truncate(self, first: int) -> None:
        """Drop everything from ``first`` on."""
        while self._starts[-1] >= first and len(self._starts) > 1:
            self._starts.pop()
            self._terms.pop()
        if first < self._tail_first:
            self._tail, self._tail_first, self._tail_size = [], first, 0
        else:
            keep = first - self._tail_first
            self._tail_size -= sum(len(entry.data) for entry in self._tail[keep:])
            del self._tail[keep:]
        self.last_index = first - 1
        self.persisted_index = min(self.persisted_index, first - 1)
        self._unsaved_first = min(self._unsaved_first, first)

    def read(self, first: int, last: int, max_bytes: int) -> tuple[Entry, ...]:
        """Entries from ``first``, at most to ``last``, at most ``max_bytes`` of data, but at least one."""
        last = min(last, self.last_index)
        if first > last:
            return ()
        if first >= self._tail_first:
            found: Sequence[Entry] = self._tail[first - self._tail_first : last - self._tail_first + 1]
        else:
            # A slow follower, or a restart: a bounded bite from storage; the rest comes with the next read.
            found = self._stable.read(first, min(last, self._tail_first - 1, first + 511))
        size = 0
        for count, entry in enumerate(found):
            size += len(entry.data)
            if size > max_bytes and count:
                return tuple(found[:count])
        return tuple(found)

    def unsaved(self) -> tuple[Entry, ...]:
        """Entries that are not known to be durable yet."""
        return tuple(self._tail[self._unsaved_first - self._tail_first :])

    def saved(self) -> None:
        """Everything that `unsaved` last returned is durable."""
        self.persisted_index = self.last_index
        self._unsaved_first = self.last_index + 1

    def compact(self, index: int) -> None:
        """Begin after ``index``, which must be in the log and applied (P 7)."""
        term = self.term_at(index)
        assert term is not None, f"cannot compact up to {index}: the log ends at {self.last_index}"
        run = bisect_right(self._starts, index) - 1
        self._starts[: run + 1] = [index]
        self._terms[: run + 1] = [term]
        count = max(0, min(index + 1 - self._tail_first, len(self._tail)))
        self._tail_size -= sum(len(entry.data) for entry in self._tail[:count])
        del self._tail[:count]
        self._tail_first += count

    def restore(self, index: int, term: int) -> None:
        """A snapshot brings everything up to ``index``: what comes after it is kept if it matches there (P 7)."""
        if self.matches(index, term):
            self.compact(index)
            self.persisted_index = max(self.persisted_index, index)
            self._unsaved_first = max(self._unsaved_first, index + 1)
            return
        self._starts, self._terms = [index], [term]
        self._tail, self._tail_first, self._tail_size = [], index + 1, 0
        self.last_index = self.persisted_index = index
        self._unsaved_first = index + 1

    def forget(self, index: int) -> None:
        """Entries up to ``index`` are durable and applied: drop them from memory where the tail is over its limit."""
        if self._tail_size <= self._tail_limit:
            return
        last = min(index, self.persisted_index)
        count = 0
        while self._tail_size > self._tail_limit // 2 and self._tail_first + count <= last:
            self._tail_size -= len(self._tail[count].data)
            count += 1
        del self._tail[:count]
        self._tail_first += count
