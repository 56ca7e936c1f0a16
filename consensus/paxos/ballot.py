"""Ballots: (membership, round, node), so that those of two proposers differ and all are ordered (S 2.2, step 1; Q01).

The membership comes first, so that what was proposed under an older one never outranks what was chosen since. A list of
registers shows nobody a bare promise: a proposer of the old voters may have a quorum of them at a high round, and its
accept may reach, late, a voter that stays and has not heard of the change.
"""

import msgspec


class Ballot(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """Compared by the version of the membership, then by round, then by the node that owns it."""

    membership: int = 0
    round: int = 0
    node: str = ""

    def __str__(self) -> str:
        return f"{self.membership}.{self.round}.{self.node}"


ZERO = Ballot()


class Ballots:
    """Hands out the ballots of one node, each once in all its lives.

    Rounds are reserved a block at a time: ``reserved`` is made durable before a ballot of the block is used, and a
    new life begins above it. So most ballots cost no write of their own, and a crash costs at most a block of numbers.
    """

    def __init__(self, node: str, reserved: int, block: int = 1000):
        self._node = node
        self._block = block
        self._last = reserved
        self.reserved = reserved

    def next(self, membership: int) -> Ballot:
        """A ballot above all that this node has used, and all of this membership that it has seen."""
        self._last += 1
        if self._last > self.reserved:
            self.reserved = self._last + self._block
        return Ballot(membership, self._last, self._node)

    def observe(self, ballot: Ballot) -> None:
        """Somebody uses ``ballot``: the next one of this node is above it."""
        self._last = max(self._last, ballot.round)
