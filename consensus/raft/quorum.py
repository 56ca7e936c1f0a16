"""Who makes a majority (P 5.2). Voters are counted once each, however often they answer."""

from collections.abc import Iterable, Mapping


class Quorum:
    """The voters of a group."""

    def __init__(self, voters: Iterable[str]):
        self.voters = frozenset(voters)
        self.size = len(self.voters) // 2 + 1

    def reached(self, agreeing: Iterable[str]) -> bool:
        """Whether the distinct voters among ``agreeing`` are a majority."""
        return len(self.voters.intersection(agreeing)) >= self.size

    def lost(self, refusing: Iterable[str]) -> bool:
        """Whether so many refuse that a majority can no longer agree."""
        return len(self.voters) - len(self.voters.intersection(refusing)) < self.size

    def agreed(self, values: Mapping[str, int]) -> int:
        """The highest value that a majority has reached; a voter without a value counts as 0."""
        ordered = sorted((values.get(voter, 0) for voter in self.voters), reverse=True)
        return ordered[self.size - 1]
