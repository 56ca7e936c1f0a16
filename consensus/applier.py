"""Applies committed entries to the replicated tables, exactly once (implements `ports.Applier`).

One transaction a batch holds the applied index, the changes of the state machine and the answers by request id. It
may be lost in a crash of the machine (``synchronous_commit`` is off in this session): the log is durable, so it is
done again. A request id that was applied within the last `REQUEST_WINDOW` log entries changes nothing the second
time and gets the first answer; the window is counted in log entries, because nodes may not decide by their clocks.
"""

from collections.abc import Sequence

import msgspec

from consensus.errors import UnknownVersion
from consensus.group_commands import ACTIVE, VERIFY_MARK
from consensus.group_state import apply_group_command, apply_membership
from consensus.models import AppliedRequest, AppliedState, Member
from consensus.ports import Command, GroupChange, Outcome, StateMachine
from consensus.raft.membership import decode as decode_membership
from consensus.raft.messages import Entry, EntryKind, Membership
from consensus.recent_ids import RecentIds
from consensus.rows import RowType, bigints, byteas, texts
from consensus.sql import TextArray, Writes, begin, execute
from consensus.wire import PROPOSAL_VERSION, Proposal, proposal_decoder

REQUEST_WINDOW = 100_000
PRUNE_EVERY = 1_000

# Moves the applied index on. It stands first in its step, so that not finding the row where this batch begins is an
# error (see `sql.Writes`): then somebody else has applied meanwhile, and nothing is written.
ADVANCE = "UPDATE consensus_appliedstate SET index = %s::bigint WHERE id = 1 AND index = %s::bigint RETURNING 1"
KNOWN = """
SELECT known.request_id, known.index, known.fingerprint, known.result
FROM unnest(%s::text[]) AS wanted (request_id) JOIN consensus_appliedrequest known USING (request_id)
"""
# Statements are planned once and kept. Tables that are empty then grow by millions of rows, so the plan must be the one
# that holds for large tables: look every key up in its index.
SESSION = ("synchronous_commit = off", "enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off")
REMEMBER = """
INSERT INTO consensus_appliedrequest (request_id, index, fingerprint, result)
SELECT * FROM unnest(%s::consensus_answer_row[])
ON CONFLICT (request_id) DO UPDATE
SET index = excluded.index, fingerprint = excluded.fingerprint, result = excluded.result
"""
FORGET = "DELETE FROM consensus_appliedrequest WHERE index <= %s::bigint AND NOT request_id = ANY(%s::text[])"

ANSWER_ROW = RowType("consensus_answer_row", texts, bigints, byteas, byteas)
WITHOUT_PROPOSAL = (EntryKind.NOOP, EntryKind.MEMBERSHIP, EntryKind.VERIFY)


class DatabaseApplier:
    """Uses Django's default connection of the calling thread, so that a state machine may use the ORM."""

    def __init__(self, state_machine: StateMachine):
        self._state_machine = state_machine
        for setting in SESSION:
            execute(f"SET {setting}")
        AppliedState.objects.get_or_create(id=1)
        self.reload()

    def reload(self) -> None:
        """The tables were replaced, or founded: forget what was remembered of them."""
        self._state_machine.reset()
        self._applied = AppliedState.objects.get(id=1).index
        self._requests = RecentIds(
            AppliedRequest.objects.values_list("request_id", flat=True).iterator(), REQUEST_WINDOW
        )
        self._load_states()

    def _load_states(self) -> None:
        self._states = {member.node: (member.state, member.state_revision) for member in Member.objects.all()}

    def applied_index(self) -> int:
        return self._applied

    def node_state(self, node: str) -> tuple[str, int]:
        """(state, revision of its last change) of a node, as applied here."""
        return self._states.get(node, (ACTIVE, 0))

    def apply(self, entries: Sequence[Entry]) -> list[Outcome]:
        first, last = entries[0].index, entries[-1].index
        memberships = [(entry, _decode_membership(entry)) for entry in entries if entry.kind == EntryKind.MEMBERSHIP]
        proposals = [(entry, _decode(entry)) for entry in entries if entry.kind not in WITHOUT_PROPOSAL]
        if unknown := [e for e in entries if e.kind == EntryKind.VERIFY and e.data != VERIFY_MARK]:
            raise UnknownVersion(f"the mark for digests at {unknown[0].index} is not known to this release")
        try:
            outcomes = self._apply(first, last, proposals, memberships)
        except BaseException:
            self._state_machine.reset()
            raise
        self._applied = last
        if any(entry.kind in (EntryKind.GROUP, EntryKind.MEMBERSHIP) for entry in entries):
            self._load_states()
        return outcomes

    def _apply(
        self,
        first: int,
        last: int,
        proposals: list[tuple[Entry, Proposal]],
        memberships: list[tuple[Entry, Membership]],
    ) -> list[Outcome]:
        answers = self._first_answers([proposal.request_id for _, proposal in proposals])
        fresh: dict[str, tuple[Entry, Proposal]] = {}
        for entry, proposal in proposals:
            before = answers.get(proposal.request_id)
            # Measured from the entry itself, so that nodes which cut batches differently decide alike.
            if before is None or before[0] <= entry.index - REQUEST_WINDOW:
                fresh.setdefault(proposal.request_id, (entry, proposal))
        with Writes() as writes:
            writes.add(ADVANCE, last, first - 1)
            results = self._run(sorted([*fresh.values(), *memberships], key=lambda step: step[0].index))
            answers |= {
                request_id: (entry.index, proposal.fingerprint, results[entry.index])
                for request_id, (entry, proposal) in fresh.items()
            }
            if fresh:
                writes.add(REMEMBER, ANSWER_ROW.of((request_id, *answers[request_id]) for request_id in fresh))
            # At the same revisions on every node, however it cuts its batches.
            if (forget := last // PRUNE_EVERY * PRUNE_EVERY) >= first:
                writes.add(FORGET, forget - REQUEST_WINDOW, TextArray(list(fresh)))
        self._requests.add(fresh)
        return [_outcome(proposal, *answers[proposal.request_id]) for _, proposal in proposals]

    def _first_answers(self, request_ids: list[str]) -> dict[str, tuple[int, bytes, bytes]]:
        """What was answered before to any of these; asks the database only where memory says there may be something."""
        suspects = [request_id for request_id in request_ids if request_id in self._requests]
        if not suspects:
            return {}
        return {row[0]: row[1:] for row in execute(KNOWN, TextArray(suspects)).fetchall()}

    def _run(self, steps: list[tuple[Entry, Proposal | Membership]]) -> dict[int, bytes]:
        """Results by index: what concerns the group one by one, the product's commands in one batch. They touch
        different tables, so only the order within each kind matters."""
        commands: list[Command] = []
        changes: list[GroupChange] = []
        results: dict[int, bytes] = {}
        for entry, step in steps:
            if entry.kind == EntryKind.COMMAND:
                commands.append(Command(entry.index, step.request_id, step.payload))
                continue
            begin()
            if isinstance(step, Membership):
                change = apply_membership(entry.index, step)
            else:
                results[entry.index], change = apply_group_command(entry.index, step.request_id, step.payload)
            if change is not None:
                changes.append(change)
        if commands or changes:
            answers = self._state_machine.apply(commands, changes)
            results.update(zip((command.index for command in commands), answers, strict=True))
        return results


def _decode_membership(entry: Entry) -> Membership:
    try:
        return decode_membership(entry.data)
    except msgspec.DecodeError as error:
        raise UnknownVersion(f"the membership at {entry.index} cannot be read by this release: {error}") from error


def _decode(entry: Entry) -> Proposal:
    try:
        proposal = proposal_decoder.decode(entry.data)
    except msgspec.DecodeError as error:
        raise UnknownVersion(f"log entry {entry.index} cannot be read by this release: {error}") from error
    if entry.kind not in (EntryKind.COMMAND, EntryKind.GROUP) or proposal.version != PROPOSAL_VERSION:
        raise UnknownVersion(f"log entry {entry.index} is of kind {entry.kind}, version {proposal.version}")
    return proposal


def _outcome(proposal: Proposal, index: int, fingerprint: bytes, result: bytes) -> Outcome:
    if fingerprint != proposal.fingerprint:
        return Outcome(index, proposal.request_id, proposal.fingerprint, b"", conflict=True)
    return Outcome(index, proposal.request_id, proposal.fingerprint, result)
