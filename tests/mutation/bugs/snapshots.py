"""Mistakes about snapshots, compaction and leases."""

from tests.mutation.planting import LOG, MEMBERSHIPS, NODE, READS, mutant

BUGS = (
    mutant(
        "stale snapshot membership",
        "a restored node counts by a membership of the past",
        "P 7, R42",
        MEMBERSHIPS,
        "self._known = [(snapshot.index, snapshot.membership), *kept]",
        "self._known = [(snapshot.index, self.current), *kept]",
    ),
    mutant(
        "a log that conflicts with the snapshot is kept",
        "entries that were never committed stay after it",
        "P 7, R40",
        LOG,
        "if self.matches(index, term):\n            self.compact(index)",
        "if index <= self.last_index:\n            self.compact(index)",
    ),
    mutant(
        "a log that matches the snapshot is dropped",
        "acknowledged entries are gone",
        "P 7, R40",
        LOG,
        "if self.matches(index, term):\n            self.compact(index)",
        "if index < 0:\n            self.compact(index)",
    ),
    mutant(
        "an older snapshot is taken",
        "what was applied goes back",
        "P 7, R41",
        NODE,
        "if rebuild else snapshot.index > self._state.commit",
        "if rebuild else snapshot.index > 0",
    ),
    mutant(
        "compaction past what is applied",
        "entries that the tables do not hold are gone",
        "P 7, R43",
        NODE,
        'assert snapshot.index <= self._applied, "never what is not applied (P 7)"',
        "assert snapshot.index >= 0",
    ),
    mutant(
        "the term at the base is forgotten",
        "a follower refuses what follows its snapshot",
        "P 7, R43",
        LOG,
        "self._terms[: run + 1] = [term]",
        "self._terms[: run + 1] = [0]",
    ),
    mutant(
        "a lease survives a transfer",
        "the old leader answers from a lease that nobody keeps",
        "T 6.4.1, R29",
        READS,
        "state.reads.lease_given_up = True",
        "state.reads.lease_given_up = False",
    ),
)
