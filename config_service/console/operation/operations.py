"""What a person may do to nodes, each with its forecast and its progress, for the pages to be made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consensus import forecast, progress, services
from consensus.forecast import Plan
from consensus.group_commands import ACTIVE
from consensus.group_view import GroupView
from consensus.progress import Step


@dataclass(frozen=True, slots=True)
class Operation:
    """``many``: several nodes at once. ``choices`` are the nodes it can be about at all.

    ``ended`` is what is so when all steps are done; ``undo`` and ``then`` name the operations that may follow.
    ``preposition`` stands between the verb and the nodes.
    """

    name: str
    title: str
    verb: str
    lead: str
    choices: Callable[[GroupView], list[str]]
    plan: Callable[[GroupView, Sequence[str]], Plan]
    do: Callable[[str, str], object]
    steps: Callable[[GroupView, str], tuple[Step, ...]]
    ended: str
    many: bool = False
    danger: bool = False
    undo: str = ""
    then: str = ""
    preposition: str = ""

    def of(self, nodes: Sequence[str]) -> str:
        """What would be done, in words: "Drain n1, n2"."""
        return " ".join(filter(None, (self.verb, self.preposition, ", ".join(nodes))))


def _members(view: GroupView) -> list[str]:
    return [member.node for member in view.members]


def _in_service(view: GroupView) -> list[str]:
    return [member.node for member in view.members if member.state == ACTIVE]


def _aside(view: GroupView) -> list[str]:
    return [member.node for member in view.members if member.state != ACTIVE]


def _followers(view: GroupView) -> list[str]:
    return [member.node for member in view.members if member.voter and member.node != view.leader]


def _learners(view: GroupView) -> list[str]:
    return [member.node for member in view.members if not member.voter]


def _only(plan: Callable[[GroupView, str], Plan]) -> Callable[[GroupView, Sequence[str]], Plan]:
    """Of one node at a time."""

    def of_one(view: GroupView, nodes: Sequence[str]) -> Plan:
        if len(nodes) == 1:
            return plan(view, nodes[0])
        now = forecast.strength(view)
        return Plan(now, now, "choose one node")

    return of_one


_ALL = (
    Operation(
        "drain", "Drain nodes", "Drain",
        "Take nodes out of service before you stop them, so that no request fails: leadership moves away, load "
        "balancers and watchers are sent to other nodes.",
        _in_service, forecast.drain, lambda node, actor: services.drain(node, actor), progress.drain,
        "Safe to stop", many=True, undo="undrain",
    ),
    Operation(
        "undrain", "Undrain nodes", "Undrain",
        "Put nodes back into service: they get traffic again, and may lead.",
        _aside, forecast.undrain, lambda node, actor: services.undrain(node, actor), progress.undrain,
        "In service", many=True, then="drain",
    ),
    Operation(
        "transfer", "Transfer leadership", "Transfer leadership",
        "Have another node lead. Requests that come meanwhile wait for it; none fails.",
        _followers, _only(forecast.transfer), lambda node, actor: services.transfer_leadership(node), progress.transfer,
        "Leadership has moved", preposition="to",
    ),
    Operation(
        "add", "Add a node", "Add",
        "Take a node into the group that has been started and asks to join. It catches up first, and then votes.",
        lambda view: [one.node for one in view.joining], _only(forecast.add),
        lambda node, actor: services.add_node(node, actor), progress.add, "It belongs to the group",
    ),
    Operation(
        "promote", "Let a learner vote", "Promote",
        "Make a learner a voter. It must have caught up.",
        _learners, _only(forecast.add), lambda node, actor: services.promote_node(node, actor), progress.add,
        "It votes",
    ),
    Operation(
        "remove", "Remove a node", "Remove",
        "Take a node out of the group for good. To stop it for a while, drain it instead.",
        _members, _only(forecast.remove), lambda node, actor: services.remove_node(node, actor), progress.remove,
        "It belongs to the group no more", danger=True,
    ),
    Operation(
        "rebuild", "Rebuild this node's tables", "Rebuild",
        "Replace the tables of this node by an image of the leader's. Meanwhile it votes, but its answers are old.",
        lambda view: [view.node] if view.member(view.node) else [], _only(forecast.rebuild),
        lambda node, actor: services.rebuild(node), progress.rebuild, "Rebuilt", danger=True,
    ),
)  # fmt: skip
OPERATIONS = {operation.name: operation for operation in _ALL}
