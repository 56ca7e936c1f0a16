"""Mistakes about reads that must not be stale."""

from tests.mutation.planting import ELECTION, NODE, PENDING, READS, mutant

BUGS = (
    mutant(
        "reads before the term has committed",
        "a new leader answers with an old commit index",
        "P 8, T 6.4, R25",
        READS,
        "reads.waiting and _term_has_committed(state)",
        "reads.waiting",
    ),
    mutant(
        "reads confirmed by earlier heartbeats",
        "a deposed leader answers with old data",
        "T 6.4, R26",
        READS,
        "progress.acked_round >= round]",
        "progress.acked_round >= round - 1]",
    ),
    mutant(
        "reads confirmed by nobody",
        "a deposed leader answers with old data",
        "T 6.4, R27",
        READS,
        "return state.quorum.reached([state.config.node, *answered])",
        "return True",
    ),
    mutant(
        "reads outlive leadership",
        "what was asked of a leader is answered by a later one",
        "T 6.4, R27",
        ELECTION,
        "    read_index.abandon(state)\n",
        "",
    ),
    mutant(
        "read answered before it is applied",
        "a node answers with data older than the read index",
        "T 6.4, R28",
        PENDING,
        "            self.wait_for(index, waiter)\n",
        "            self.wait_for(0, waiter)\n",
    ),
    mutant(
        "answer to an earlier read taken for a later one",
        "a read sees less than was acknowledged",
        "T 6.4, R26",
        PENDING,
        "if context != self.context or not self.in_flight:",
        "if not self.in_flight:",
    ),
    mutant(
        "a lease longer than the others wait",
        "a deposed leader answers with old data",
        "T 6.4.1, R29",
        READS,
        "lease_ms = state.config.election_timeout_min_ms * (1 - state.config.max_clock_drift)",
        "lease_ms = 4 * state.config.election_timeout_max_ms",
    ),
    mutant(
        "a late answer ends a lease",
        "a follower votes for another leader while the old one answers reads by what it has promised",
        "T 6.4.1",
        NODE,
        "if is_answer and state.role is Role.FOLLOWER and election.in_lease(state, now_ms):",
        "if False:",
    ),
)
