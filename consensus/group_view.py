"""The group as one node knows it: what operators look at, and what forecasts start from."""

from dataclasses import dataclass

from consensus.group_commands import ACTIVE
from consensus.load import Load
from consensus.status import JoiningStatus

# A node that has not heard from a leader for so long counts as cut off.
LEADER_SILENT_MS = 2000
# So many log entries a node may be behind and still serve. What is known of other nodes is up to a second old.
LAG_ALLOWED = 1000


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node, as this node knows it."""

    node: str
    role: str  # leader, follower, pre-candidate, candidate, unknown
    term: int
    commit_index: int
    applied_index: int
    lag: int  # log entries behind the highest commit index known here
    heard_ms: int | None  # since the last message from it; 0 for this node; None: never
    reachable: bool
    state: str  # active, draining, drained, diverged
    web_url: str
    halted: str  # why it stopped applying, "" while it has not
    voter: bool = True
    image: tuple[int, int] | None = None  # (bytes taken, bytes in all) of the image that this node sends it
    load: Load | None = None  # what its processes have to do; None where that is not known

    @property
    def level(self) -> bool:
        return self.reachable and self.lag <= LAG_ALLOWED

    @property
    def can_lead(self) -> bool:
        return self.voter and self.reachable and self.state == ACTIVE and not self.halted


@dataclass(frozen=True, slots=True)
class GroupView:
    """The group, as this node knows it. ``leader`` is empty while none is known."""

    group: str
    node: str
    leader: str
    term: int
    commit_index: int
    applied_index: int
    leader_heard_ms: int | None
    quorum_size: int
    failures_survivable: int
    running: bool  # whether this node's runtime answers at all
    members: tuple[NodeView, ...]
    admitted: bool = True  # whether enough of the others have agreed that this node is who it says
    outside: bool = False  # whether this node belongs to no group (yet, or any more)
    membership_settled: bool = True
    joining: tuple[JoiningStatus, ...] = ()
    led_ms: int | None = None  # how long the leader has led; None: not known
    log_entries: int = 0  # how many this node keeps
    verified_index: int = 0  # where this node's tables were last the same as a majority's, 0: not yet
    disputed_index: int = 0  # where voters' tables differed and no majority agreed, 0: nowhere
    diverged: str = ""  # why this node's tables are not to be trusted, "" while nothing is known against them
    group_id: str = ""  # what was decreed when the group was founded; "" where there was no decree
    stopped: str = ""  # why this node's runtime has stopped for good, "" while it has not
    waits_for: str = ""  # why there is no group yet, "" where this node knows of one

    def member(self, node: str) -> NodeView | None:
        return next((member for member in self.members if member.node == node), None)

    @property
    def connected(self) -> bool:
        """Whether this node hears from a leader, and so learns what the group commits."""
        heard_ms = self.leader_heard_ms
        return self.running and bool(self.leader) and heard_ms is not None and heard_ms <= LEADER_SILENT_MS
