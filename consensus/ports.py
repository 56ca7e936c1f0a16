"""What the driver needs from the world, declared where it is consumed. Implementations: storage, transport, applier.

The *driver* (driver.py) is the only caller of `Storage`, `Transport` and `Applier`; the *applier* is the only caller
of `StateMachine`. The simulator brings its own implementations of the first three and shares everything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from consensus.origin import Origin
from consensus.raft.messages import Entry, HardState
from consensus.wire import PeerMessage


@dataclass(frozen=True, slots=True)
class Command:
    """One committed command, as the state machine sees it.

    ``index`` is the Raft log index, which is the *revision* of everything the command changes: the same number on
    every node. ``payload`` is opaque to `consensus`; the state machine named in the settings encodes and decodes it.
    """

    index: int
    request_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class GroupChange:
    """Something that was changed about the group itself, for a state machine that keeps a trail. ``at`` is the
    proposer's time, "" where a node did it by itself."""

    index: int
    request_id: str
    action: str
    node: str
    actor: str
    at: str
    origin: Origin


class StateMachine(Protocol):
    """The only writer of the replicated tables (named by ``settings.CONSENSUS["state_machine"]``)."""

    def apply(self, commands: Sequence[Command], group_changes: Sequence[GroupChange] = ()) -> list[bytes]:
        """Apply ``commands`` in order and return one result for each. ``group_changes`` are those of the same step;
        their indexes lie between those of the commands.

        Writes through `consensus.sql.write`, or calls `consensus.sql.begin` and then writes as it likes, on Django's
        default connection: all of a batch, its answers and the applied index become visible together, or none.
        Must be deterministic: no clock, no random, no outside read.
        A command that breaks a rule of the product is not an exception but a result that says so. Raises
        `consensus.errors.UnknownVersion` for a payload this release cannot read; the node then stops applying.
        """
        ...

    def reset(self) -> None:
        """Forget anything kept in memory: the last transaction was rolled back, or the tables were replaced."""
        ...


@dataclass(frozen=True, slots=True)
class StoredState:
    """What a node finds in its storage when it starts. ``terms`` holds (first index, term) runs of the whole log."""

    hard_state: HardState
    epoch: int
    terms: tuple[tuple[int, int], ...]
    last_index: int


class Storage(Protocol):
    """Term, vote and log, durable. Every write is fenced by the epoch that `open` returned."""

    def open(self) -> StoredState:
        """Take the node's identity (lock, next epoch) and load what was promised. Raises `errors.Fenced`."""
        ...

    def save(self, hard_state: HardState, entries: Sequence[Entry]) -> None:
        """Make ``hard_state`` and ``entries`` durable together; stored entries from ``entries[0].index`` on are
        replaced. Returns only once it is durable. Raises `errors.Fenced` when the identity was lost."""
        ...

    def read(self, first: int, last: int) -> list[Entry]:
        """The stored entries ``first`` to ``last``, both included."""
        ...


class Transport(Protocol):
    """Unreliable, unordered-at-worst delivery between the nodes of the group. Never blocks the caller."""

    def send(self, destination: str, messages: Sequence[PeerMessage]) -> None: ...


class Applier(Protocol):
    """Applies committed entries exactly once and says how far it got."""

    def applied_index(self) -> int: ...

    def node_state(self, node: str) -> tuple[str, int]:
        """(state, revision of its last change) of a node, as applied: active, draining or drained."""
        ...

    def apply(self, entries: Sequence[Entry]) -> Sequence["Outcome"]:
        """Apply consecutive entries in one transaction; the outcomes of the proposals among them, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one applied proposal, which ``request_id`` and ``fingerprint`` name together.

    ``conflict``: the request id was used before for another command. ``index`` is that of the first application.
    """

    index: int
    request_id: str
    fingerprint: bytes
    result: bytes
    conflict: bool = False
