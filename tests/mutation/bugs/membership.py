"""Mistakes about who belongs to the group."""

from tests.mutation.planting import CHANGE, ELECTION, MEMBERSHIPS, QUORUM, REPLICATION, STATE, mutant

BUGS = (
    mutant(
        "joint majority ignored",
        "old and new voters elect a leader each",
        "P 6, R33",
        QUORUM,
        "self._halves = [self.voters, frozenset(outgoing)] if outgoing else [self.voters]",
        "self._halves = [self.voters]",
    ),
    mutant(
        "a learner counts",
        "what a learner alone holds is taken as committed",
        "T 4.2.1, R38",
        STATE,
        "self.quorum = Quorum(current.voters, current.outgoing)",
        "self.quorum = Quorum((*current.voters, *current.learners), current.outgoing)",
    ),
    mutant(
        "a learner campaigns",
        "a node that nobody counts asks for votes",
        "T 4.2.1, R38",
        STATE,
        "return self.may_campaign and self.memberships.current.is_voter(self.config.node)",
        "return self.may_campaign",
    ),
    mutant(
        "a membership in the log does not count",
        "old and new voters elect a leader each",
        "P 6, R35",
        REPLICATION,
        "if state.memberships.take(entries):",
        "if state.memberships.take(entries) and not entries:",
    ),
    mutant(
        "a truncated membership goes on counting",
        "a majority of nodes that never became voters",
        "P 6, R35",
        MEMBERSHIPS,
        "while self.index >= entries[0].index and len(self._known) > 1:",
        "while self.index < 0:",
    ),
    mutant(
        "two changes at once",
        "majorities that do not overlap",
        "T 4.1, R34",
        CHANGE,
        "if state.memberships.current.joint or state.memberships.index > applied:",
        "if state.memberships.current.joint:",
    ),
    mutant(
        "a change before the term has committed anything",
        "two leaders change the membership from different beginnings",
        "T 4.1 (2015), R39",
        CHANGE,
        "if state.log.term_at(state.commit) != state.term:",
        "if not state.term:",
    ),
    mutant(
        "a leader that left counts itself",
        "a majority of the new voters is one too small",
        "P 6, R36",
        REPLICATION,
        "index = state.quorum.agreed(matched)",
        "index = sorted(matched.values())[(len(matched) - 1) // 2]",
    ),
    mutant(
        "a wiped node votes",
        "a second vote in one term",
        "R46",
        ELECTION,
        " and bool(state.quorum.voters)",
        "",
    ),
)
