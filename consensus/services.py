"""What operators do to a group, and what anyone may ask about it. Used by admin, REST and the command line alike."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from consensus import client as consensus_client
from consensus import origin
from consensus.conf import get_config
from consensus.errors import NoLeader, Refused
from consensus.group_commands import (
    ACTIVE,
    DRAINED,
    DRAINING,
    SetNodeState,
    decode_group_result,
)
from consensus.models import AppliedRequest, Member
from consensus.raft.messages import EntryKind
from consensus.status import JoiningStatus, MemberStatus, Read, StatusReader
from consensus.wire import Change, ChangeNote, encode

# A node that was not heard of for so long counts as away: it reports every second.
AWAY_MS = 3000


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
    state: str  # active, draining, drained
    web_url: str
    halted: str  # why it stopped applying, "" while it has not
    voter: bool = True
    image: tuple[int, int] | None = None  # (bytes taken, bytes in all) of the image that this node sends it


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

    def member(self, node: str) -> NodeView | None:
        return next((member for member in self.members if member.node == node), None)


@lru_cache(maxsize=1)
def _reader() -> StatusReader:
    return StatusReader(get_config())


def read_status() -> Read:
    """What this node's runtime last published, as it is."""
    return _reader().read()


def group_view() -> GroupView:
    """What this node knows now. Never waits for the group; works with Redis or Postgres away."""
    config = get_config()
    read = read_status()
    status = read.status
    if status is None:
        quorum_size = len(config.members) // 2 + 1
        return GroupView(config.group, config.node, "", 0, 0, 0, None, quorum_size, 0, False, ())
    age_ms = int(read.age_s * 1000)
    commit = max([status.commit_index, *(member.commit_index for member in status.members)])
    members = tuple(_node_view(member, commit, read, config.node) for member in status.members)
    voters = [member for member in members if member.voter]
    quorum_size = len(voters) // 2 + 1
    reachable = sum(member.reachable for member in voters)
    heard = status.leader_heard_ms
    return GroupView(
        group=status.group,
        node=status.node,
        leader=status.leader if read.running else "",
        term=status.term,
        commit_index=commit,
        applied_index=status.applied_index,
        leader_heard_ms=None if heard is None else heard + age_ms,
        quorum_size=quorum_size,
        failures_survivable=max(0, reachable - quorum_size),
        running=read.running,
        members=members,
        admitted=status.admitted,
        outside=status.outside,
        membership_settled=status.membership_settled,
        joining=status.joining,
    )


def _node_view(member: MemberStatus, commit: int, read: Read, own: str) -> NodeView:
    heard_ms = None if member.heard_ms is None else member.heard_ms + (0 if read.running else int(read.age_s * 1000))
    reachable = read.running if member.node == own else heard_ms is not None and heard_ms < AWAY_MS
    return NodeView(
        node=member.node,
        role=member.role if reachable else "unknown",
        term=member.term,
        commit_index=member.commit_index,
        applied_index=member.applied_index,
        lag=max(0, commit - member.applied_index),
        heard_ms=heard_ms,
        reachable=reachable,
        state=member.state,
        web_url=member.web_url,
        halted=member.halted,
        voter=member.voter,
        image=member.image,
    )


def now() -> str:
    """The proposer's time, as it travels with a proposal: ISO 8601 UTC with microseconds and a Z."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def drain(node: str, actor: str) -> None:
    """Take ``node`` out of service: leadership moves away, it stops campaigning, its ``/readyz`` answers 503.

    Raises `Refused` where too few nodes would be left for a majority, counting nodes that do not answer as gone.
    """
    view = group_view()
    _known(view, node)
    active = [member for member in view.members if member.voter and member.reachable and member.state == ACTIVE]
    left = [member.node for member in active if member.node != node]
    state = Member.objects.filter(node=node).values_list("state", flat=True).first()
    if state == ACTIVE and len(left) < view.quorum_size:
        raise Refused(
            f"draining {node} would leave {len(left)} active nodes that answer ({', '.join(left) or 'none'}), "
            f"fewer than the {view.quorum_size} that a majority needs"
        )
    if state != DRAINED:
        _set_state(node, DRAINING, (ACTIVE,), actor)


def undrain(node: str, actor: str) -> None:
    """Put ``node`` back into service."""
    _known(group_view(), node)
    _set_state(node, ACTIVE, (DRAINING, DRAINED), actor)


def _known(view: GroupView, node: str) -> NodeView:
    member = view.member(node)
    if member is None:
        raise Refused(f"there is no node {node} in this group")
    return member


def _set_state(node: str, state: str, when: tuple[str, ...], actor: str) -> None:
    version = get_config().command_version
    command = SetNodeState(node, state, when, actor, version, now(), origin.current())
    # Every asking is its own request: a drain after an undrain must not get the first drain's answer.
    request_id = f"{command.state}:{command.node}:{consensus_client.new_request_id()}"
    applied = consensus_client.get_client().propose(encode(command), request_id, kind=EntryKind.GROUP)
    result = decode_group_result(applied.result)
    if result.refused:
        raise Refused(result.refused)


def transfer_leadership(to: str | None = None) -> str:
    """Move leadership to ``to``, or away from the leader to its best follower; returns who leads then.

    Raises `Refused` for a node that cannot lead, `NoLeader` or `DeadlineExceeded`.
    """
    view = group_view()
    if to:
        member = _known(view, to)
        if not member.voter:
            raise Refused(f"{to} is a learner: it cannot lead")
        if not member.reachable:
            raise Refused(f"{to} does not answer: it cannot take leadership over")
        if member.state != ACTIVE:
            raise Refused(f"{to} is {member.state}: undrain it first")
    elif not [m for m in view.members if m.voter and m.reachable and m.state == ACTIVE and m.node != view.leader]:
        raise Refused("no other active node answers: there is nobody to hand leadership to")
    return consensus_client.get_client().transfer_leadership(to or "")


def add_node(node: str, actor: str, learner: bool = False) -> None:
    """Take ``node``, which has been started and asks to join, into the group.

    It comes as a learner, and becomes a voter when it has caught up, unless it is to stay a ``learner``. Returns when
    it is a member. Adding a member again changes nothing. Raises `Refused`, `NoLeader` or `DeadlineExceeded`.
    """
    _change(Change.ADD_LEARNER if learner else Change.ADD, node, actor)


def promote_node(node: str, actor: str) -> None:
    """Make the learner ``node`` a voter. Raises `Refused` while it has not caught up."""
    _change(Change.PROMOTE, node, actor)


def remove_node(node: str, actor: str) -> None:
    """Take ``node`` out of the group, for good: its name is never used again.

    Raises `Refused` where the voters that would be left have no majority that answers.
    """
    _change(Change.REMOVE, node, actor)


def _change(change: Change, node: str, actor: str) -> None:
    client = consensus_client.get_client()
    index = client.change_membership(ChangeNote(change, node, actor, now(), origin.current()))
    if index:
        client.wait_applied(index)


def rebuild(node: str) -> None:
    """Replace the tables of ``node``, which must be the one that this process belongs to, by an image of the leader's.

    Returns when that has begun: the node stops applying until it is done. Raises `Refused`, `NoLeader`.
    """
    view = group_view()
    member = _known(view, node)
    if node != view.node:
        raise Refused(f"a node is rebuilt by itself: ask {node}, at {member.web_url or 'its own address'}")
    if view.leader == node:
        raise Refused(f"{node} leads: the others take their tables from it; transfer leadership first")
    if not view.leader:
        raise NoLeader
    consensus_client.get_client().rebuild()


def request_outcome(request_id: str) -> int | None:
    """The revision at which ``request_id`` was applied, as far as this node has applied; None: not (yet) known."""
    return AppliedRequest.objects.filter(request_id=request_id).values_list("index", flat=True).first()
