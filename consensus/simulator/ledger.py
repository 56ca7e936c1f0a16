"""What nobody in a group knows but all of it rests on: every entry that was ever written, and what is committed.

Entries are linked: each is written after one of a certain term. If the same (index, term) always means the same entry
after the same term, then by induction logs that agree on one entry agree on everything before it (P 5.3). So each
check costs as much as there is news, however long the logs are.
"""

from collections.abc import Iterable, Mapping

from consensus.raft.messages import Entry, HardState, Membership


class Violation(AssertionError):
    """An invariant is broken; the run's seed replays it."""


class Ledger:
    """``committed``: what a majority holds durably, counted in the term of its last entry (P 5.4.2)."""

    def __init__(self) -> None:
        self._written: dict[tuple[int, int], tuple[int, Entry]] = {}
        self._first_of_term: dict[int, int] = {}
        self._accepted: dict[int, dict[str, int]] = {}
        self._agreed_in: dict[int, int] = {}
        self._votes: dict[int, dict[str, str]] = {}
        self.committed: list[Entry] = []
        self._committed_in: list[int] = []

    def record(self, node: str, entries: Iterable[Entry], term_before: int) -> None:
        """``node`` makes ``entries`` durable, after an entry of ``term_before``."""
        for entry in entries:
            if entry.term < term_before:
                raise Violation(f"log matching: {node} writes term {entry.term} at {entry.index} after {term_before}")
            key = (entry.index, entry.term)
            known = self._written.get(key)
            if known is None:
                self._written[key] = (term_before, entry)
                first = self._first_of_term.get(entry.term, entry.index)
                self._first_of_term[entry.term] = min(first, entry.index)
            elif known[0] != term_before or (known[1] is not entry and known[1] != entry):
                raise Violation(
                    f"log matching: {node} writes {_name(entry)} after term {term_before}, "
                    f"but {_name(known[1])} was written after term {known[0]}"
                )
            term_before = entry.term

    def vote(self, node: str, hard_state: HardState) -> None:
        """``node`` makes its vote durable: one a term, whatever happens to it (P 5.2)."""
        votes = self._votes.setdefault(hard_state.term, {})
        if votes.setdefault(node, hard_state.vote) != hard_state.vote:
            raise Violation(f"{node} votes for {votes[node]} and for {hard_state.vote} in term {hard_state.term}")

    def elected(self, node: str, term: int, membership: Membership) -> bool:
        """Whether a majority (in the joint phase: two) voted for ``node`` in ``term``, durably."""
        votes = self._votes.get(term, {})
        return all(2 * sum(votes.get(voter) == node for voter in half) > len(half) for half in _halves(membership))

    def accept(self, node: str, term: int, index: int, membership: Membership) -> None:
        """``node`` has told the leader of ``term``, or is it and knows, that it holds its log up to ``index``.

        ``membership`` is by whom that leader counts now (P 6).
        """
        accepted = self._accepted.setdefault(term, {})
        accepted[node] = max(index, accepted.get(node, 0))
        agreed = min(_agreed(accepted, half) for half in _halves(membership))
        first = self._first_of_term.get(term)
        if first is not None and agreed >= first and agreed > self._agreed_in.get(term, 0):
            self._agreed_in[term] = agreed
            self._commit(agreed, term)

    def _commit(self, index: int, term: int) -> None:
        """The entry at ``index``, of ``term``, is committed, and with it what it was written after."""
        news: list[Entry] = []
        at = term
        for i in range(index, len(self.committed), -1):
            before, entry = self._written[i, at]
            news.append(entry)
            at = before
        settled = min(index, len(self.committed))
        if settled and self.committed[settled - 1].term != at:
            raise Violation(
                f"a majority holds entry {settled} of term {at}, but one of term {self.committed[settled - 1].term} "
                f"was committed there"
            )
        self.committed.extend(reversed(news))
        self._committed_in.extend([term] * len(news))

    def committed_before(self, term: int) -> int:
        """How many entries were committed in terms before ``term``: its leader must hold them (P 5.4.3)."""
        index = len(self.committed)
        while index and self._committed_in[index - 1] >= term:
            index -= 1
        return index

    def agrees(self, index: int, term: int) -> bool:
        """Whether the committed entry at ``index`` is of ``term``; then all before it agrees too."""
        return index == 0 or (index <= len(self.committed) and self.committed[index - 1].term == term)


def _halves(membership: Membership) -> list[tuple[str, ...]]:
    return [membership.voters, membership.outgoing] if membership.outgoing else [membership.voters]


def _agreed(accepted: Mapping[str, int], voters: tuple[str, ...]) -> int:
    """The highest index that a majority of ``voters`` has accepted."""
    ordered = sorted((accepted.get(voter, 0) for voter in voters), reverse=True)
    return ordered[len(ordered) // 2] if ordered else 0


def _name(entry: Entry) -> str:
    return f"(index {entry.index}, term {entry.term}, kind {entry.kind}, {entry.data[:40]!r})"
