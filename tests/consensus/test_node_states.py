"""Which nodes may be drained: a majority of the voters stays active, whoever asks and in whatever order."""

import pytest

from consensus.group_commands import ACTIVE, DRAINED, DRAINING, SetNodeState
from consensus.node_states import Standing, decide


def drain(members: dict[str, Standing], node: str) -> tuple[str, bool]:
    """(refusal, whether it changes its state)."""
    result, changes = decide(members, SetNodeState(node, DRAINING, (ACTIVE,), "operator"))
    return result.refused, changes


def group(voters: int, drained: int = 0) -> dict[str, Standing]:
    return {f"n{n}": Standing(DRAINED if n <= drained else ACTIVE, True) for n in range(1, voters + 1)}


@pytest.mark.parametrize(("voters", "drained"), [(3, 0), (4, 0), (5, 0), (5, 1), (7, 2)])
def test_a_minority_may_be_drained(voters: int, drained: int) -> None:
    assert drain(group(voters, drained), f"n{voters}") == ("", True)


@pytest.mark.parametrize(("voters", "drained"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (7, 3)])
def test_a_majority_may_not(voters: int, drained: int) -> None:
    refusal, changes = drain(group(voters, drained), f"n{voters}")
    assert not changes and "fewer than" in refusal


def test_who_is_drained_already_may_be_drained_again_and_changes_nothing() -> None:
    members = group(3) | {"n1": Standing(DRAINING, True)}
    assert drain(members, "n1") == ("", False)


def test_learners_neither_help_nor_hinder() -> None:
    members = group(3, 1) | {"s1": Standing(ACTIVE, False)}
    assert not drain(members, "n2")[1]
    assert drain(group(3) | {"s1": Standing(DRAINED, False)}, "n2") == ("", True)
