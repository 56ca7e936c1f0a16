"""Everything one node knows, and what it wants done. The other rooms are functions over this state."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from consensus.raft.log import Log
from consensus.raft.messages import HardState, RaftMessage
from consensus.raft.progress import Progress
from consensus.raft.quorum import Quorum

NEVER_MS = -(1 << 60)


class Role(StrEnum):
    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


@dataclass(frozen=True, slots=True)
class RaftConfig:
    """Fixed for the life of a node. Times in milliseconds, sizes in bytes of entry data."""

    node: str
    voters: tuple[str, ...]
    election_timeout_min_ms: int = 500
    election_timeout_max_ms: int = 1000
    max_append_bytes: int = 256 << 10
    max_in_flight: int = 64
    max_uncommitted_bytes: int = 16 << 20


@dataclass(slots=True)
class Reads:
    """ReadIndex requests at the leader (T 6.4): waiting for a round to start, and waiting for it to be confirmed."""

    waiting: list[int] = field(default_factory=list)
    confirming: list[int] = field(default_factory=list)
    round: int = 0
    index: int = 0


@dataclass(slots=True)
class State:
    config: RaftConfig
    log: Log
    # A random whole number between two bounds, both included; handed in so that a seed decides everything.
    randint: Callable[[int, int], int]
    quorum: Quorum
    term: int = 0
    vote: str = ""
    role: Role = Role.FOLLOWER
    leader: str = ""
    commit: int = 0
    heard_ms: int = NEVER_MS
    election_deadline_ms: int = 0
    may_campaign: bool = True
    grants: set[str] = field(default_factory=set)
    refusals: set[str] = field(default_factory=set)
    progress: dict[str, Progress] = field(default_factory=dict)
    uncommitted: deque[tuple[int, int]] = field(default_factory=deque)
    uncommitted_bytes: int = 0
    reads: Reads = field(default_factory=Reads)
    transfer_to: str = ""
    transfer_deadline_ms: int = 0
    # What the caller has to do; taken by `RaftNode.ready`.
    outbox: list[tuple[str, RaftMessage]] = field(default_factory=list)
    read_results: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def hard_state(self) -> HardState:
        return HardState(self.term, self.vote)

    @property
    def peers(self) -> tuple[str, ...]:
        return tuple(voter for voter in self.config.voters if voter != self.config.node)

    def send(self, destination: str, message: RaftMessage) -> None:
        self.outbox.append((destination, message))

    def reset_election_timer(self, now_ms: int) -> None:
        """A fresh random timeout each round, so that split votes do not repeat (P 5.2)."""
        config = self.config
        self.election_deadline_ms = now_ms + self.randint(
            config.election_timeout_min_ms, config.election_timeout_max_ms
        )
