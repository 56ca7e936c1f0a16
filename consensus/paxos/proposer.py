"""One ballot of one proposer (S 2.2): from the question to the chosen value. Frozen, so that every step is a value.

* A promise or an acceptance counts once per acceptor, for exactly this ballot, in its phase (scenario Q06).
* What is proposed is made from the value accepted at the highest ballot among the promises (scenario Q04): in
  single-decree Paxos that value itself; in a register a function of it (C 2.2).
* One ballot proposes one value, ever: `propose` may be called once.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from consensus.paxos.ballot import ZERO, Ballot
from consensus.paxos.errors import SafetyViolation
from consensus.paxos.messages import Accepted, Promise, Refusal


class Phase(StrEnum):
    PREPARING = "preparing"
    ACCEPTING = "accepting"


@dataclass(frozen=True, slots=True)
class Attempt:
    """``highest`` and ``found``: the highest accepted ballot among the promises and its value; `ZERO`: none."""

    ballot: Ballot
    phase: Phase = Phase.PREPARING
    promised: frozenset[str] = frozenset()
    highest: Ballot = ZERO
    found: bytes = b""
    floor_version: int = 0
    value: bytes = b""
    next: Ballot = ZERO
    accepted: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    @property
    def answered(self) -> frozenset[str]:
        """Who has answered the question of the present phase."""
        return (self.promised if self.phase is Phase.PREPARING else self.accepted) | self.refused


def on_promise(attempt: Attempt, source: str, message: Promise) -> Attempt:
    if message.ballot != attempt.ballot or attempt.phase is not Phase.PREPARING or source in attempt.promised:
        return attempt
    if message.accepted > attempt.highest:
        attempt = replace(attempt, highest=message.accepted, found=message.value)
    floor_version = max(attempt.floor_version, message.floor_version)
    return replace(attempt, promised=attempt.promised | {source}, floor_version=floor_version)


def propose(attempt: Attempt, value: bytes, next: Ballot = ZERO) -> Attempt:
    """Phase 2a, once a quorum has promised. ``value`` was made from ``attempt.found``."""
    if attempt.phase is not Phase.PREPARING:
        raise SafetyViolation(f"ballot {attempt.ballot} proposes twice")
    return replace(attempt, phase=Phase.ACCEPTING, value=value, next=next, refused=frozenset())


def on_accepted(attempt: Attempt, source: str, message: Accepted) -> Attempt:
    if message.ballot != attempt.ballot or attempt.phase is not Phase.ACCEPTING:
        return attempt
    return replace(attempt, accepted=attempt.accepted | {source})


def on_refusal(attempt: Attempt, source: str, message: Refusal) -> Attempt:
    """``source`` refuses the present phase. One that has answered yes cannot take it back."""
    if message.ballot != attempt.ballot or source in attempt.accepted:
        return attempt
    if attempt.phase is Phase.PREPARING and source in attempt.promised:
        return attempt
    return replace(attempt, refused=attempt.refused | {source})


def decree(attempt: Attempt, own: bytes) -> bytes:
    """Single-decree Paxos: what to propose. One's own value only if nobody has accepted any."""
    return attempt.found if attempt.highest != ZERO else own
