"""The learner (S 2.3): what was chosen, as far as this node knows, and who has not yet heard of it.

Whoever finds out that a value was chosen owes it to all other members until they confirm it or something newer takes
its place; a node that has just started asks to be told everything. Nothing here is durable and no decision rests on
it: it serves stale reads and watchers. What it says was chosen, was.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from consensus.paxos.ballot import ZERO, Ballot
from consensus.paxos.errors import SafetyViolation
from consensus.paxos.messages import Chosen
from consensus.paxos.register import Decree, Register, Stored, decode

BURST = 64


@dataclass(frozen=True, slots=True)
class Learned:
    ballot: Ballot
    data: bytes
    stored: Stored


class Learner:
    """``news`` are the names whose value has changed, for `PaxosNode.ready`."""

    def __init__(self, node: str):
        self._node = node
        self.known: dict[str, Learned] = {}
        self.news: dict[str, None] = {}
        self._owed: dict[str, dict[str, None]] = {}

    def learn(self, name: str, ballot: Ballot, data: bytes) -> bool:
        """``data`` was chosen at ``ballot``. Whether that is newer than what is known."""
        before = self.known.get(name)
        if before is not None:
            if data != before.data and (ballot == before.ballot or isinstance(before.stored, Decree)):
                raise SafetyViolation(f"two values are chosen for {name}: at {before.ballot} and at {ballot}")
            if ballot <= before.ballot:
                return False
        if before is None or data != before.data:
            self.news[name] = None
            self.known[name] = Learned(ballot, data, decode(data))
        else:
            self.known[name] = Learned(ballot, data, before.stored)
        return True

    def ballot(self, name: str) -> Ballot:
        learned = self.known.get(name)
        return ZERO if learned is None else learned.ballot

    def forget(self, name: str, ballot: Ballot) -> None:
        """The register was erased at ``ballot``."""
        if self.ballot(name) <= ballot:
            self.known.pop(name, None)
            self.news.pop(name, None)
            for owed in self._owed.values():
                owed.pop(name, None)

    def tombstones(self) -> list[str]:
        return [
            name for name, one in self.known.items() if isinstance(one.stored, Register) and one.stored.value is None
        ]

    # --- telling the others --------------------------------------------------------------------------------------
    def set_peers(self, members: Iterable[str]) -> None:
        """New members are owed everything; those that left nothing."""
        peers = [member for member in members if member != self._node]
        self._owed = {peer: self._owed.get(peer) or dict.fromkeys(self.known) for peer in peers}

    def owe(self, name: str) -> list[tuple[str, Chosen]]:
        """All others are owed ``name``; returns what to send now."""
        for owed in self._owed.values():
            owed[name] = None
        return [(peer, self._announcement(name)) for peer in self._owed]

    def owe_everything(self, peer: str) -> None:
        if peer in self._owed:
            self._owed[peer] = dict.fromkeys(self.known)

    def repeat(self) -> list[tuple[str, Chosen]]:
        """What to send again, a burst for each peer."""
        return [(peer, self._announcement(name)) for peer, owed in self._owed.items() for name in list(owed)[:BURST]]

    def heard(self, peer: str, name: str, ballot: Ballot) -> None:
        if ballot >= self.ballot(name):
            self._owed.get(peer, {}).pop(name, None)

    @property
    def owes(self) -> bool:
        return any(self._owed.values())

    def _announcement(self, name: str) -> Chosen:
        learned = self.known[name]
        return Chosen(name, learned.ballot, learned.data)
