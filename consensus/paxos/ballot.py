"""Ballots: (round, node), so that those of two proposers differ and all are ordered (S 2.2, step 1; scenario Q01)."""

import msgspec


class Ballot(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """Compared by round, then by the node that owns it."""

    round: int = 0
    node: str = ""

    def __str__(self) -> str:
        return f"{self.round}.{self.node}"


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

    def next(self) -> Ballot:
        """A ballot above all that this node has used or seen."""
        self._last += 1
        if self._last > self.reserved:
            self.reserved = self._last + self._block
        return Ballot(self._last, self._node)

    def observe(self, ballot: Ballot) -> None:
        """Somebody uses ``ballot``: the next one of this node is above it."""
        self._last = max(self._last, ballot.round)
