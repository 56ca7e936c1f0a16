"""Which state of a node may follow on which: decided while applying, so the same on every node.

Because the decision is part of the log, two operators who drain two nodes of three at once cannot both succeed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from consensus.group_commands import ACTIVE, DRAINING, GroupResult, SetNodeState


@dataclass(frozen=True, slots=True)
class Standing:
    state: str
    voter: bool


def decide(members: Mapping[str, Standing], command: SetNodeState) -> tuple[GroupResult, bool]:
    """The result of ``command``, and whether its node changes its state."""
    member = members.get(command.node)
    if member is None:
        return GroupResult("", f"there is no node {command.node} in this group"), False
    if member.state == command.state:
        return GroupResult(member.state), False
    if member.state not in command.when:
        return GroupResult(member.state, f"{command.node} is {member.state}"), False
    if command.state == DRAINING:
        voters = {node: other for node, other in members.items() if other.voter}
        left = sum(other.state == ACTIVE and node != command.node for node, other in voters.items())
        needed = len(voters) // 2 + 1
        if left < needed:
            why = (
                f"draining {command.node} would leave {left} active of {len(voters)} voters, "
                f"fewer than the {needed} that a majority needs"
            )
            return GroupResult(member.state, why), False
    return GroupResult(command.state), True
