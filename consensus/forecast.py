"""What an operation would do to the group: its quorum before and after, who would lead, and why it is not done.

Pure functions of a `GroupView`. What the group itself decides (group_state.py, raft.membership_change) has the last
word; these rules are the same, so that a person is told before.
"""

from collections.abc import Collection
from dataclasses import dataclass

from consensus.group_commands import ACTIVE, DIVERGED
from consensus.group_view import GroupView, NodeView
from consensus.succession import successor


@dataclass(frozen=True, slots=True)
class Strength:
    """``voters`` decide; those of them that are ``answering`` count towards the quorum now."""

    voters: tuple[str, ...]
    answering: tuple[str, ...]
    leader: str

    @property
    def quorum_size(self) -> int:
        return len(self.voters) // 2 + 1

    @property
    def spare(self) -> int:
        """How many of the voters that answer may fail with a majority left. Negative: there is none now."""
        return len(self.answering) - self.quorum_size


@dataclass(frozen=True, slots=True)
class Plan:
    """``after`` is when it is done; for a drain, when the drained nodes have been stopped.

    ``refusal`` is why it will not be done, "" if it may be; ``warnings`` is what to know before it is.
    ``watchers`` and ``requests`` are how many have to move to other nodes.
    """

    before: Strength
    after: Strength
    refusal: str = ""
    warnings: tuple[str, ...] = ()
    watchers: int = 0
    requests: int = 0


def strength(view: GroupView) -> Strength:
    voters = [member for member in view.members if member.voter]
    return Strength(_names(voters), _names(member for member in voters if member.reachable), view.leader)


def drain(view: GroupView, nodes: Collection[str]) -> Plan:
    """All of ``nodes``, one after the other, and then they are stopped."""
    before, chosen = strength(view), set(nodes)
    leaving = [member for member in view.members if member.node in chosen]
    answering = tuple(node for node in before.answering if node not in chosen)
    after = Strength(before.voters, answering, _leader_without(view, chosen))
    left = [member.node for member in view.members if _active(member) and member.node not in chosen]
    refusal = _unknown(view, nodes)
    if not refusal and any(member.state == ACTIVE for member in leaving) and len(left) < before.quorum_size:
        refusal = (
            f"draining {_and(sorted(chosen))} would leave {_active_nodes(len(left))} "
            f"({', '.join(left) or 'none'}), fewer than the {before.quorum_size} that a majority needs"
        )
    loads = [member.load for member in leaving if member.load is not None]
    return Plan(
        before,
        after,
        refusal,
        _thin(after),
        sum(load.watchers for load in loads),
        sum(load.requests for load in loads),
    )


def undrain(view: GroupView, nodes: Collection[str]) -> Plan:
    now = strength(view)
    return Plan(now, now, _unknown(view, nodes))


def transfer(view: GroupView, to: str) -> Plan:
    """To ``to``, or with "" to the best follower."""
    before = strength(view)
    after = Strength(before.voters, before.answering, to or _leader_without(view, {view.leader}))
    return Plan(before, after, _why_not_lead(view, to) if to else _why_nobody(view))


def add(view: GroupView, node: str, learner: bool = False) -> Plan:
    """A node that asks to join."""
    before = strength(view)
    member = view.member(node)
    voters, answering = before.voters, before.answering
    if not learner and node not in voters:
        voters, answering = tuple(sorted((*voters, node))), tuple(sorted((*answering, node)))
    refusal = ""
    if not node:
        refusal = "choose a node"
    elif member is None and node not in [one.node for one in view.joining]:
        refusal = f"{node} has not asked to join: start it first, naming this group's nodes"
    after = Strength(voters, answering, before.leader)
    warnings = ()
    if len(voters) % 2 == 0 and not learner:
        warnings = (f"{len(voters)} voters survive no more failures than {len(voters) - 1}: an odd number is better",)
    return Plan(before, after, refusal or _unsettled(view), warnings)


def remove(view: GroupView, node: str) -> Plan:
    """For good: its name is never used again."""
    before = strength(view)
    voters = tuple(one for one in before.voters if one != node)
    answering = tuple(one for one in before.answering if one != node)
    after = Strength(voters, answering, _leader_without(view, {node}))
    refusal = _unknown(view, [node]) or _unsettled(view)
    if not refusal and not voters:
        refusal = "a group needs a voter"
    if not refusal and after.spare < 0:
        refusal = (
            f"of the {len(voters)} voters that would be left only {len(answering)} answer, "
            f"fewer than the {after.quorum_size} that a majority needs"
        )
    load = (member := view.member(node)) and member.load
    return Plan(
        before,
        after,
        refusal,
        (f"the name {node} can never be used again in this group", *_thin(after)),
        load.watchers if load else 0,
        load.requests if load else 0,
    )


def rebuild(view: GroupView, node: str) -> Plan:
    """Replace a node's tables by the leader's. Meanwhile it votes, but applies nothing."""
    now = strength(view)
    member = view.member(node)
    refusal = _unknown(view, [node])
    if member is not None and node != view.node:
        refusal = f"a node is rebuilt by itself: ask {node}, at {member.web_url or 'its own address'}"
    elif view.leader == node:
        refusal = f"{node} leads: the others take their tables from it; transfer leadership first"
    return Plan(now, now, refusal)


# --- parts ----------------------------------------------------------------------------------------------------------
def _names(members) -> tuple[str, ...]:
    return tuple(member.node for member in members)


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _active_nodes(count: int) -> str:
    return "1 active node that answers" if count == 1 else f"{count} active nodes that answer"


def _active(member: NodeView) -> bool:
    return member.voter and member.reachable and member.state == ACTIVE


def _leader_without(view: GroupView, leaving: Collection[str]) -> str:
    """Who would lead if ``leaving`` did not."""
    if view.leader and view.leader not in leaving:
        return view.leader
    return successor(
        {member.node: member.lag for member in view.members if member.can_lead and member.node not in leaving}
    )


def _unknown(view: GroupView, nodes: Collection[str]) -> str:
    if not nodes:
        return "choose a node"
    strangers = [node for node in nodes if view.member(node) is None]
    return f"there is no node {_and(strangers)} in this group" if strangers else ""


def _unsettled(view: GroupView) -> str:
    return "" if view.membership_settled else "another change of the membership is under way"


def _thin(after: Strength) -> tuple[str, ...]:
    return ("no further node may fail meanwhile: the next failure stops writing",) if after.spare == 0 else ()


def _why_not_lead(view: GroupView, to: str) -> str:
    member = view.member(to)
    if member is None:
        return f"there is no node {to} in this group"
    if not member.voter:
        return f"{to} is a learner: it cannot lead"
    if not member.reachable:
        return f"{to} does not answer: it cannot take leadership over"
    if member.state == DIVERGED:
        return f"{to} has diverged: rebuild it first"
    if member.state != ACTIVE:
        return f"{to} is {member.state}: undrain it first"
    return ""


def _why_nobody(view: GroupView) -> str:
    if any(_active(member) and member.node != view.leader for member in view.members):
        return ""
    return "no other active node answers: there is nobody to hand leadership to"
