"""Everything one node knows, and what it wants done. The other rooms are functions over this state."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from consensus.raft.log import Log
from consensus.raft.membership import Memberships
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
    """Fixed for the life of a node. Times in milliseconds, sizes in bytes of entry data.

    ``promotion_lag``: how many log entries a learner may be behind and still become a voter. ``lease_reads``: answer
    reads within the leader's lease without asking anybody, trusting every clock to run at the right rate to within
    ``max_clock_drift`` (a fraction); all nodes must agree on it. ``waits_in_joint``: a joint membership ends only after
    `RaftNode.end_joint`.
    """

    node: str
    election_timeout_min_ms: int = 500
    election_timeout_max_ms: int = 1000
    max_append_bytes: int = 256 << 10
    max_in_flight: int = 64
    max_in_flight_bytes: int = 4 << 20
    max_uncommitted_bytes: int = 16 << 20
    promotion_lag: int = 1000
    lease_reads: bool = False
    max_clock_drift: float = 0.1
    waits_in_joint: bool = False


@dataclass(slots=True)
class Reads:
    """ReadIndex requests at the leader (T 6.4): waiting for a round to start, and waiting for it to be confirmed."""

    waiting: list[int] = field(default_factory=list)
    confirming: list[int] = field(default_factory=list)
    round: int = 0
    confirming_round: int = 0
    index: int = 0
    # Lease reads: when each round that is not confirmed yet was sent, and until when the last confirmed one holds.
    sent_ms: deque[tuple[int, int]] = field(default_factory=deque)
    lease_until_ms: float = NEVER_MS
    lease_given_up: bool = False


@dataclass(slots=True)
class State:
    config: RaftConfig
    log: Log
    # A random whole number between two bounds, both included; handed in so that a seed decides everything.
    randint: Callable[[int, int], int]
    memberships: Memberships
    term: int = 0
    vote: str = ""
    role: Role = Role.FOLLOWER
    leader: str = ""
    commit: int = 0
    began_ms: int = NEVER_MS
    heard_ms: int = NEVER_MS
    # Until then no vote is given, whoever asks: this node may have promised a lease in an earlier life.
    silent_until_ms: int = NEVER_MS
    election_deadline_ms: int = 0
    may_campaign: bool = True
    grants: set[str] = field(default_factory=set)
    refusals: set[str] = field(default_factory=set)
    progress: dict[str, Progress] = field(default_factory=dict)
    uncommitted: deque[tuple[int, int]] = field(default_factory=deque)
    # The version of the joint membership that may end.
    joint_done: int = -1
    uncommitted_bytes: int = 0
    reads: Reads = field(default_factory=Reads)
    transfer_to: str = ""
    transfer_deadline_ms: int = 0
    # What the caller has to do; taken by `RaftNode.ready`.
    outbox: list[tuple[str, RaftMessage]] = field(default_factory=list)
    read_results: list[tuple[int, int | None]] = field(default_factory=list)
    quorum: Quorum = field(init=False)

    def __post_init__(self) -> None:
        self.count_by_membership()

    def count_by_membership(self) -> None:
        """The current membership decides who makes a majority."""
        current = self.memberships.current
        self.quorum = Quorum(current.voters, current.outgoing)

    @property
    def hard_state(self) -> HardState:
        return HardState(self.term, self.vote)

    @property
    def peers(self) -> list[str]:
        """Everybody else in the group, learners too, in one order everywhere."""
        return sorted(self.memberships.current.everybody - {self.config.node})

    @property
    def promotable(self) -> bool:
        """Whether this node may lead: it is a voter, and not drained."""
        return self.may_campaign and self.counts

    @property
    def counts(self) -> bool:
        """Whether this node is a voter. One that is being taken out stays one until that is committed: its log may be
        the longest, and the others may be unable to elect anybody without it (T 4.2.2)."""
        memberships, node = self.memberships, self.config.node
        return memberships.current.is_voter(node) or memberships.at(self.commit).is_voter(node)

    def send(self, destination: str, message: RaftMessage) -> None:
        self.outbox.append((destination, message))

    def reset_election_timer(self, now_ms: int) -> None:
        """A fresh random timeout each round, so that split votes do not repeat (P 5.2)."""
        config = self.config
        self.election_deadline_ms = now_ms + self.randint(
            config.election_timeout_min_ms, config.election_timeout_max_ms
        )
