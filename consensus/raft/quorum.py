"""Who makes a majority (P 5.2). Voters are counted once each, however often they answer.

While a membership change is under way, a majority of the old voters *and* one of the new are needed (P 6).
"""

from collections.abc import Iterable, Mapping


class Quorum:
    """``voters``, and in the joint phase the ``outgoing`` voters, who were there before. Without voters, never."""

    def __init__(self, voters: Iterable[str], outgoing: Iterable[str] = ()):
        self.voters = frozenset(voters)
        self._halves = [self.voters, frozenset(outgoing)] if outgoing else [self.voters]

    @property
    def everybody(self) -> frozenset[str]:
        """Whose votes may count, in either half."""
        return self.voters.union(*self._halves)

    def reached(self, agreeing: Iterable[str]) -> bool:
        """Whether the distinct voters among ``agreeing`` are a majority, of each half."""
        distinct = frozenset(agreeing)
        return all(2 * len(half & distinct) > len(half) for half in self._halves)

    def lost(self, refusing: Iterable[str]) -> bool:
        """Whether so many refuse that a majority can no longer agree."""
        distinct = frozenset(refusing)
        return not all(2 * len(half - distinct) > len(half) for half in self._halves)

    def agreed(self, values: Mapping[str, int]) -> int:
        """The highest value that a majority has reached; a voter without a value counts as 0."""
        return min(_agreed(half, values) for half in self._halves)


def _agreed(half: frozenset[str], values: Mapping[str, int]) -> int:
    ordered = sorted((values.get(voter, 0) for voter in half), reverse=True)
    return ordered[len(half) // 2] if ordered else 0
