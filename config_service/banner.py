"""What every page of the admin says about the group."""

from dataclasses import dataclass

from consensus import services
from consensus.group_view import GroupView


@dataclass(frozen=True, slots=True)
class Banner:
    node: str
    text: str
    warning: bool


def _why_not(view: GroupView) -> str:
    if view.stopped:
        return f"this node has stopped: {view.stopped}"
    return "no majority" if view.running else "this node's runtime does not answer"


def group_banner() -> Banner:
    view = services.group_view()
    if view.diverged:
        text = f"Answered by {view.node}, which has diverged: what you see may be wrong, use another node"
        return Banner(view.node, text, True)
    heard_ms = view.leader_heard_ms
    if view.connected:
        leader = "which leads" if view.leader == view.node else f"{view.leader} leads"
        return Banner(view.node, f"Answered by {view.node}, {leader} · revision {view.applied_index}", False)
    age = "of unknown age" if heard_ms is None else f"{round(heard_ms / 1000)} s old"
    reason = _why_not(view)
    text = f"Answered by {view.node} · {reason}: writing is off, what you see may be {age}"
    return Banner(view.node, text, True)
