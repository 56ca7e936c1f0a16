"""The checkers can fail: each of these well-known mistakes, planted one at a time, is caught, and for the right reason.

Most fall to the simulator within a few seeds. Those that need a rare course of events fall to the scenario written for
them; so does a rule that only a scenario can show.
"""

import re
from collections.abc import Callable

import pytest

from consensus.simulator.ledger import Violation
from consensus.simulator.paxos.cluster import Cluster
from tests.paxos import register_mistakes as registers
from tests.paxos import test_deletion, test_membership, test_single_decree
from tests.paxos import textbook_mistakes as textbook

Plant = Callable[[pytest.MonkeyPatch], None]
SEEDS = 16
STEPS = 400
LOST = "is chosen at"  # another value is chosen, or a chosen change is gone
NOT_CHOSEN = "which was not chosen"
PROPOSED_TWICE = "two values (are proposed )?at"

BY_SIMULATION = [
    (textbook.one_number_for_promised_and_accepted, PROPOSED_TWICE),
    (textbook.ballots_that_two_proposers_share, "used again"),
    (textbook.ballots_reused_after_a_restart, "used again"),
    (textbook.a_value_not_adopted, LOST),
    (textbook.the_last_promise_is_adopted, LOST),
    (textbook.majority_counted_by_messages, LOST),
    (textbook.answers_to_older_ballots_count, NOT_CHOSEN),
    (textbook.accepted_below_the_promise, LOST),
    (textbook.accepting_does_not_promise, "forgets what it accepted"),
    (textbook.state_in_memory_only, "is erased with a value|forgets"),
    (textbook.answered_before_it_is_durable, "before it is durable"),
    (registers.a_tombstone_dropped_early, "is erased although"),
    (registers.a_register_forgotten_with_its_promise, "forgets its promise"),
    (registers.versions_begin_anew_after_erasing, LOST),
    (registers.a_read_from_one_acceptor, NOT_CHOSEN),
    (registers.a_read_of_the_highest_of_a_majority, NOT_CHOSEN),
    (registers.learners_count, NOT_CHOSEN),
    (registers.request_ids_not_remembered, "applied twice|was told version"),
    (registers.a_timed_out_accept_is_called_failed, "was denied, but took effect"),
    (registers.a_ballot_proposes_again_after_a_failure, PROPOSED_TWICE),
]
BY_SCENARIO = [
    (
        textbook.answered_before_it_is_durable,
        test_single_decree.test_nothing_is_answered_before_it_is_durable,
    ),
    (
        registers.joint_majority_ignored,
        test_membership.test_in_a_joint_membership_neither_majority_decides_alone,
    ),
    (
        registers.older_memberships_still_answered,
        test_membership.test_a_node_that_has_not_heard_of_the_change_can_choose_nothing_and_reads_nothing_stale,
    ),
    (
        registers.ballots_compared_without_the_membership,
        test_membership.test_an_accept_of_an_older_membership_that_arrives_late_never_outranks_what_was_chosen_since,
    ),
    (
        registers.nothing_carried_over,
        test_membership.test_what_is_carried_over_outlives_the_old_voters,
    ),
    (
        registers.a_tombstone_dropped_early,
        test_deletion.test_q07_a_tombstone_stays_while_any_member_is_away,
    ),
]


def first_line(seed: int, nodes: int) -> str:
    """What the checkers say of a run; "" when they are content."""
    try:
        Cluster(seed, nodes).run(STEPS)
    except Violation as violation:
        return str(violation).partition("\n")[0]
    return ""


@pytest.mark.parametrize(("plant", "reason"), BY_SIMULATION, ids=lambda one: getattr(one, "__name__", ""))
def test_the_simulator_catches(plant: Plant, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """ "No progress" would be another reason, and so is no catch."""
    plant(monkeypatch)
    runs = ((seed, nodes) for seed in range(SEEDS) for nodes in (3, 5))
    assert any(re.search(reason, first_line(*run)) for run in runs), f"{SEEDS} seeds did not notice: {plant.__doc__}"


@pytest.mark.parametrize(("plant", "scenario"), BY_SCENARIO, ids=lambda one: one.__name__.removeprefix("test_"))
def test_the_scenario_catches(plant: Plant, scenario: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    scenario()
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        scenario()
