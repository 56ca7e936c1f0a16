"""Changing who belongs to the group: joint consensus (P 6; T 4.3), learners (T 4.2.1).

* The leader takes the second step by itself once the first is committed; if it dies in between, the next leader does.
  Where others follow the membership (``waits_in_joint``), not before they are done with the joint one.
* One change at a time, and none before the leader has committed an entry of its own term (the flaw of 2015).
* A learner gets the log but neither votes, counts nor campaigns. It becomes a voter only when it has caught up.
* A leader that removes itself goes on, without counting itself, until the new membership is committed.
* What would leave no majority that answers is refused.
"""

from consensus.raft import election, replication
from consensus.raft.membership import encode, first_step, second_step
from consensus.raft.messages import EntryKind, Membership, TimeoutNow
from consensus.raft.progress import Progress
from consensus.raft.quorum import Quorum
from consensus.raft.state import Role, State


class ChangeRefused(Exception):
    """This change of the membership is certainly not in the log; the message says why."""


def propose(state: State, target: Membership, applied: int, now_ms: int) -> int:
    """At the leader: begin the change to ``target``; returns the index of its first step. Raises `ChangeRefused`."""
    if state.transfer_to:
        raise ChangeRefused("leadership is being handed over")
    if state.log.term_at(state.commit) != state.term:
        raise ChangeRefused("the leader has not committed anything in its term yet")
    if state.memberships.current.joint or state.memberships.index > applied:
        raise ChangeRefused("another change of the membership is under way")
    _check(state, target, now_ms)
    step = first_step(state.memberships.current, target)
    replication.append_proposals(state, [(EntryKind.MEMBERSHIP, encode(step))])
    return state.log.last_index


def _check(state: State, target: Membership, now_ms: int) -> None:
    if not target.voters:
        raise ChangeRefused("a group needs a voter")
    if both := set(target.voters) & set(target.learners):
        raise ChangeRefused(f"{', '.join(sorted(both))}: a node is either a voter or a learner")
    for node in sorted(set(target.voters) - set(state.memberships.current.voters)):
        progress = state.progress.get(node)
        if progress is None or not has_caught_up(state, progress):
            raise ChangeRefused(f"{node} has not caught up with the log yet")
    since = now_ms - state.config.election_timeout_max_ms
    answering = [peer for peer, progress in state.progress.items() if progress.heard_ms >= since]
    if not Quorum(target.voters).reached([state.config.node, *answering]):
        raise ChangeRefused("too few of the voters that would be left answer: they would have no majority")


def has_caught_up(state: State, progress: Progress) -> bool:
    return progress.match >= max(1, state.log.last_index - state.config.promotion_lag)


def advance(state: State) -> None:
    """At the leader, when the commit index has moved: take the second step, or step down once that is done."""
    memberships = state.memberships
    if state.role is not Role.LEADER or memberships.index > state.commit:
        return
    if memberships.current.joint:
        if state.config.waits_in_joint and state.joint_done != memberships.current.version:
            return
        second = encode(second_step(memberships.current))
        replication.append_proposals(state, [(EntryKind.MEMBERSHIP, second)])
    elif not memberships.current.is_voter(state.config.node):
        _leave(state)


def _leave(state: State) -> None:
    """The leader has removed itself: say how far things are committed, and let the best of the voters lead."""
    replication.heartbeat(state)
    best = max(state.quorum.voters, key=lambda peer: (state.progress[peer].match, peer))
    state.send(best, TimeoutNow(state.term))
    election.become_follower(state, state.term)


def dismiss(state: State, now_ms: int) -> None:
    """Stop serving those who left, once they know that they did, or do not answer."""
    silent = now_ms - state.config.election_timeout_max_ms
    for peer, progress in list(state.progress.items()):
        if progress.leaving_index and (
            min(progress.match, progress.sent_commit) >= progress.leaving_index or progress.heard_ms < silent
        ):
            del state.progress[peer]
