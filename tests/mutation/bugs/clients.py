"""Mistakes about hand-overs, proposals and their answers."""

from tests.mutation.planting import DRIVER, NODE, PENDING, TABLES, TRANSFER, mutant

BUGS = (
    mutant(
        "TimeoutNow obeyed from anybody",
        "elections at the word of one that does not lead",
        "T 3.10, R32",
        NODE,
        "state.role is Role.FOLLOWER and state.leader == source and",
        "state.role is Role.FOLLOWER and",
    ),
    mutant(
        "leadership handed to one that is behind",
        "a hand-over that cannot succeed",
        "T 3.10, R30",
        TRANSFER,
        "if progress is not None and progress.match == state.log.last_index:",
        "if progress is not None:",
    ),
    mutant(
        "proposals taken during a transfer",
        "a hand-over that never ends under load",
        "T 3.10, R30",
        NODE,
        '        if state.transfer_to:\n            raise ProposalRefused("transferring")\n',
        "",
    ),
    mutant(
        "transfer never given up",
        "a leader that takes no proposals because a node is dead",
        "T 3.10, R31",
        TRANSFER,
        "if state.transfer_to and now_ms >= state.transfer_deadline_ms:",
        "if not state.transfer_to:",
    ),
    mutant(
        "refused elsewhere taken as certainly not done",
        "a write is called refused and is done",
        "N08, N09",
        PENDING,
        "pending.unsure = True",
        "pending.unsure = False",
    ),
    mutant(
        "answers matched by request id alone",
        "a late retry answers another command",
        "N08",
        PENDING,
        "if pending is None or pending.fingerprint != outcome.fingerprint:",
        "if pending is None:",
    ),
    mutant(
        "applied again after a restart",
        "one entry changes the tables twice",
        "R45",
        DRIVER,
        "memberships, ports.applier.applied_index(), ports.randint",
        "memberships, max(0, ports.applier.applied_index() - 1), ports.randint",
    ),
    mutant(
        "request ids forgotten",
        "a retry is done again",
        "R44 (planted in the simulated tables)",
        TABLES,
        "if proposal.request_id not in self.answers:",
        "if proposal.request_id not in self.answers or entry.index % 3:",
    ),
)
