"""What operators do to a group, and what anyone may ask about it. Used by admin, REST and the command line alike."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from consensus import client as consensus_client
from consensus import forecast, origin, reads
from consensus.conf import get_config
from consensus.errors import Diverged, NoLeader, Refused
from consensus.fingerprints import fingerprint
from consensus.group_commands import (
    ACTIVE,
    DRAINED,
    DRAINING,
    SetNodeState,
    decode_group_result,
)
from consensus.group_view import GroupView, NodeView
from consensus.models import AppliedRequest, Member
from consensus.raft.messages import EntryKind
from consensus.series import Point, SeriesReader
from consensus.status import MemberStatus, Read, StatusReader
from consensus.wire import Change, ChangeNote, encode

# A node that was not heard of for so long counts as away: it reports every second.
AWAY_MS = 3000
SHOWN_WITHIN_S = 1.0


@lru_cache(maxsize=1)
def _reader() -> StatusReader:
    return StatusReader(get_config())


def read_status() -> Read:
    """What this node's runtime last published, as it is."""
    return _reader().read()


@lru_cache(maxsize=1)
def _series_reader() -> SeriesReader:
    return SeriesReader(get_config())


def series(after: float = 0.0) -> list[Point]:
    """The last minutes of the group in numbers, from the Unix time ``after`` on, as this node has noted them."""
    return _series_reader().read(after)


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
        led_ms=next((member.leading_ms for member in status.members if member.leading_ms), None),
        log_entries=status.last_index - status.base_index,
        verified_index=status.verified_index,
        disputed_index=status.disputed_index,
        diverged=status.diverged,
        group_id=status.group_id,
        waits_for=status.waits_for,
        stopped="" if read.running else status.stopped,
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
        load=member.load if read.running else None,
    )


def view_once(holds: Callable[[GroupView], bool]) -> GroupView:
    """The view that shows what was just done, which the runtime publishes a moment later; in time, or as it is."""
    deadline_s = time.monotonic() + SHOWN_WITHIN_S
    while True:
        view = group_view()
        if holds(view) or time.monotonic() > deadline_s:
            return view
        time.sleep(0.02)


def require_agreement() -> GroupView:
    """This node's view, for a read of its own tables. Raises `Diverged` where those are known to be wrong."""
    view = group_view()
    if view.diverged:
        raise Diverged(f"this node has diverged: {view.diverged}")
    return view


def now() -> str:
    """The proposer's time, as it travels with a proposal: ISO 8601 UTC with microseconds and a Z."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def drain(node: str, actor: str, request_id: str = "") -> None:
    """Take ``node`` out of service: leadership moves away, it stops campaigning, its ``/readyz`` answers 503.

    A ``request_id`` that was applied before changes nothing.

    Raises `Refused` where too few nodes would be left for a majority, counting nodes that do not answer as gone.
    """
    view = group_view()
    _known(view, node)
    state = Member.objects.filter(node=node).values_list("state", flat=True).first()
    if state == ACTIVE:
        _require(forecast.drain(view, [node]))
    if state != DRAINED:
        _set_state(node, DRAINING, (ACTIVE,), actor, request_id)


def undrain(node: str, actor: str, request_id: str = "") -> None:
    """Put ``node`` back into service."""
    _known(group_view(), node)
    _set_state(node, ACTIVE, (DRAINING, DRAINED), actor, request_id)


def _known(view: GroupView, node: str) -> None:
    if view.member(node) is None:
        raise Refused(f"there is no node {node} in this group")


def _require(plan: forecast.Plan) -> None:
    if plan.refusal:
        raise Refused(plan.refusal)


def _set_state(node: str, state: str, when: tuple[str, ...], actor: str, request_id: str) -> None:
    version = get_config().command_version
    command = SetNodeState(node, state, when, actor, version, now(), origin.current())
    # Every asking is its own request: a drain after an undrain must not get the first drain's answer.
    request_id = request_id or f"{command.state}:{command.node}:{consensus_client.new_request_id()}"
    asked = fingerprint(encode((state, node, actor)))
    applied = consensus_client.get_client().propose(
        encode(command), request_id, fingerprint=asked, kind=EntryKind.GROUP
    )
    result = decode_group_result(applied.result)
    if result.refused:
        raise Refused(result.refused)


def transfer_leadership(to: str | None = None) -> str:
    """Move leadership to ``to``, or away from the leader to its best follower; returns who leads then.

    Raises `Refused` for a node that cannot lead, `NoLeader` or `DeadlineExceeded`.
    """
    view = group_view()
    if not view.leader:
        raise NoLeader
    _require(forecast.transfer(view, to or ""))
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
        reads.reach(index)


def rebuild(node: str) -> None:
    """Replace the tables of ``node``, which must be the one that this process belongs to, by an image of the leader's.

    Returns when that has begun: the node stops applying until it is done. Raises `Refused`, `NoLeader`, or
    `DeadlineExceeded` where it is not known whether it has.
    """
    view = group_view()
    _require(forecast.rebuild(view, node))
    if not view.leader:
        raise NoLeader
    consensus_client.get_client().rebuild()


def request_outcome(request_id: str) -> int | None:
    """The revision at which ``request_id`` was applied, as far as this node has applied; None: not (yet) known."""
    return AppliedRequest.objects.filter(request_id=request_id).values_list("index", flat=True).first()
