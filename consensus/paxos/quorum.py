"""Who takes part, and who makes a majority. Acceptors are counted once each, however often they answer."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Membership:
    """``version`` grows with every change. ``outgoing``: the voters before a joint change that has not ended.

    Learners are told what was chosen and never count. ``unanimous``: it takes all voters, not just a majority, so that
    what was chosen is not forgotten as long as one of them keeps its disk.
    """

    version: int
    voters: tuple[str, ...]
    outgoing: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()
    unanimous: bool = False

    @property
    def acceptors(self) -> tuple[str, ...]:
        """Everybody whose answer can count."""
        return tuple(dict.fromkeys(self.voters + self.outgoing))

    @property
    def members(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.voters + self.outgoing + self.learners))


class Quorum:
    """The majorities of a membership: of its voters and, in a joint change, of the outgoing ones as well."""

    def __init__(self, membership: Membership):
        self.membership = membership
        self._members = frozenset(membership.members)
        halves = (membership.voters, membership.outgoing) if membership.outgoing else (membership.voters,)
        groups = [frozenset(half) for half in halves]
        self._groups = tuple((group, len(group) if membership.unanimous else len(group) // 2 + 1) for group in groups)

    def reached(self, agreeing: Iterable[str]) -> bool:
        """Whether the distinct voters among ``agreeing`` are a majority of each group."""
        agreeing = frozenset(agreeing)
        return all(len(group & agreeing) >= size for group, size in self._groups)

    def lost(self, refusing: Iterable[str]) -> bool:
        """Whether so many refuse that some group can no longer have a majority."""
        refusing = frozenset(refusing)
        return any(len(group - refusing) < size for group, size in self._groups)

    def everybody(self, agreeing: Iterable[str]) -> bool:
        """Whether all members agree, learners included."""
        return self._members <= frozenset(agreeing)
