"""The simulator can fail: each of these well-known mistakes, planted one at a time, is caught within some seeds."""

from collections.abc import Callable

import pytest

from consensus.pending import PendingProposals, PendingReads
from consensus.raft import election, read_index, replication
from consensus.raft.log import Log
from consensus.raft.quorum import Quorum
from consensus.raft.state import Role
from consensus.simulator.cluster import Cluster
from consensus.simulator.ledger import Violation
from consensus.simulator.tables import Tables

Plant = Callable[[pytest.MonkeyPatch], None]


def two_votes_in_a_term(patch: pytest.MonkeyPatch) -> None:
    """P 5.2: the later candidate gets the vote as well."""
    on_vote_request = election.on_vote_request

    def generous(state, source, message, now_ms):
        if not message.pre and state.role is Role.FOLLOWER:
            state.vote = ""
        on_vote_request(state, source, message, now_ms)

    patch.setattr(election, "on_vote_request", generous)


def any_log_gets_the_vote(patch: pytest.MonkeyPatch) -> None:
    """P 5.4.1."""
    patch.setattr(Log, "is_up_to_date", lambda self, last_index, last_term: True)


def half_is_a_majority(patch: pytest.MonkeyPatch) -> None:
    """P 5.2."""

    def init(self, voters):
        self.voters = frozenset(voters)
        self.size = max(1, len(self.voters) // 2)

    patch.setattr(Quorum, "__init__", init)


def reads_without_asking_a_majority(patch: pytest.MonkeyPatch) -> None:
    """T 6.4: a leader that was deposed unknowingly answers from what it has."""

    def settle(state):
        reads = state.reads
        state.read_results.extend((context, state.commit) for context in reads.confirming)
        reads.confirming = []

    patch.setattr(read_index, "settle", settle)


def commit_beyond_what_the_message_vouches_for(patch: pytest.MonkeyPatch) -> None:
    """P figure 2, AppendEntries step 5 (scenario R19)."""
    on_append_request = replication.on_append_request

    def eager(state, source, message, now_ms):
        on_append_request(state, source, message, now_ms)
        state.commit = max(state.commit, min(message.commit, state.log.last_index))

    patch.setattr(replication, "on_append_request", eager)


def applied_twice(patch: pytest.MonkeyPatch) -> None:
    """Design rule 5: a retry is done again."""
    apply = Tables._apply

    def forgetful(self, entry):
        outcome = apply(self, entry)
        if outcome is not None and entry.index % 3 == 0:
            self.answers.pop(outcome.request_id)
        return outcome

    patch.setattr(Tables, "_apply", forgetful)


def unknown_told_as_refused(patch: pytest.MonkeyPatch) -> None:
    """Design rule 7."""
    sent = PendingProposals.sent

    def careless(self, proposals, to, now_ms):
        proposals = list(proposals)
        sent(self, proposals, to, now_ms)
        for proposal in proposals:
            self._pending[proposal.request_id].unsure = False

    patch.setattr(PendingProposals, "sent", careless)


def read_joins_a_round_that_began_before_it(patch: pytest.MonkeyPatch) -> None:
    """T 6.4, scenario R26: an answer to an earlier question is taken for the later one."""
    confirmed = PendingReads.confirmed

    def sharing(self, context, index):
        if index is not None:
            self.in_flight, self.waiting = self.in_flight + self.waiting, []
        confirmed(self, self.context, index)

    patch.setattr(PendingReads, "confirmed", sharing)


PLANTS: list[Plant] = [
    two_votes_in_a_term,
    any_log_gets_the_vote,
    half_is_a_majority,
    reads_without_asking_a_majority,
    commit_beyond_what_the_message_vouches_for,
    applied_twice,
    unknown_told_as_refused,
    read_joins_a_round_that_began_before_it,
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_caught(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    for seed in range(300):
        for nodes in (3, 4, 5):
            try:
                Cluster(seed, nodes).run(2000)
            except (Violation, AssertionError, replication.LogConflict):
                return
    pytest.fail(f"300 seeds did not notice: {plant.__doc__}")
