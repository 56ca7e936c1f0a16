"""What operators do to a group, and what anyone may ask about it. Used by admin, REST and the command line alike."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node, as this node knows it."""

    node: str
    role: str  # leader, follower, candidate, learner, unknown
    term: int
    commit_index: int
    applied_index: int
    lag: int  # log entries behind the highest commit index known here
    heard_ms: int | None  # since the last message from it; 0 for this node; None: never
    reachable: bool
    state: str  # active, draining, drained
    web_url: str


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
