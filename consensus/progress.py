"""How far an operation on the group has come, step by step. Pure functions of a `GroupView`."""

from dataclasses import dataclass

from consensus.group_commands import ACTIVE, DRAINED
from consensus.group_view import GroupView, NodeView


@dataclass(frozen=True, slots=True)
class Step:
    title: str
    done: bool
    detail: str = ""


def drain(view: GroupView, node: str) -> tuple[Step, ...]:
    """Done in all steps: the node may be stopped, and no request notices."""
    member = view.member(node)
    if member is None:
        return (_gone(node),)
    load = member.load
    silent = "" if member.reachable else f"{node} does not answer: it cannot say that it is ready"
    watchers, waiting = (load.watchers, load.waiting) if load else (0, 0)
    return (
        Step("Load balancers send it nothing new", member.state != ACTIVE, "/readyz answers 503"),
        Step("Leadership is elsewhere", view.leader not in ("", node), _led_by(view)),
        Step("Watchers were sent to other nodes", watchers == 0, f"{watchers} left" if watchers else ""),
        Step("Writes in flight are done", waiting == 0, f"{waiting} left" if waiting else ""),
        Step("Drained", member.state == DRAINED, silent),
    )


def undrain(view: GroupView, node: str) -> tuple[Step, ...]:
    member = view.member(node)
    if member is None:
        return (_gone(node),)
    return (
        Step("In service again", member.state == ACTIVE),
        Step("It answers", member.reachable, "" if member.reachable else "start it"),
        Step("It has caught up", member.level, _behind(member)),
    )


def transfer(view: GroupView, to: str) -> tuple[Step, ...]:
    return (Step(f"{to} leads", view.leader == to, _led_by(view)),)


def add(view: GroupView, node: str, learner: bool = False) -> tuple[Step, ...]:
    member = view.member(node)
    joined = Step("It is a member", member is not None)
    if member is None:
        return (joined, Step("It has caught up", False), *(() if learner else (Step("It votes", False),)))
    taken = f"image: {member.image[0]:,} of {member.image[1]:,} bytes" if member.image else f"{member.lag:,} behind"
    caught_up = member.level and member.applied_index > 0
    steps = (joined, Step("It has caught up", caught_up, "" if caught_up else taken))
    return steps if learner else (*steps, Step("It votes", member.voter and view.membership_settled))


def remove(view: GroupView, node: str) -> tuple[Step, ...]:
    return (
        Step("Leadership is elsewhere", view.leader not in ("", node), _led_by(view)),
        Step("It is no member any more", view.member(node) is None),
        Step("The others agree on the new membership", view.member(node) is None and view.membership_settled),
    )


def rebuild(view: GroupView, node: str) -> tuple[Step, ...]:
    member = view.member(node)
    if member is None:
        return (_gone(node),)
    rebuilt = not member.halted
    return (
        Step("Its tables are those of the leader", rebuilt, member.halted),
        Step("It has caught up", rebuilt and member.level, _behind(member)),
    )


def _behind(member: NodeView) -> str:
    return "" if member.level else f"{member.lag:,} behind"


def _led_by(view: GroupView) -> str:
    return f"{view.leader} leads" if view.leader else "no leader"


def _gone(node: str) -> Step:
    return Step(f"{node} is no member of the group", False)
