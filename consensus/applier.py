"""Applies committed entries to the replicated tables, exactly once (implements `ports.Applier`).

One transaction a batch holds the applied index, the changes of the state machine and the answers by request id. It
may be lost in a crash of the machine (``synchronous_commit`` is off in this session): the log is durable, so it is
done again. A request id that was applied within the last `REQUEST_WINDOW` log entries changes nothing the second
time and gets the first answer; the window is counted in log entries, because nodes may not decide by their clocks.
"""

from collections.abc import Sequence

import msgspec
from django.db import connection, transaction

from consensus.errors import InvariantViolation, UnknownVersion
from consensus.group_commands import ACTIVE
from consensus.group_state import apply_group_command
from consensus.models import AppliedState, Member
from consensus.ports import Command, Outcome, StateMachine
from consensus.raft.messages import Entry, EntryKind
from consensus.wire import PROPOSAL_VERSION, Proposal, proposal_decoder

REQUEST_WINDOW = 100_000
PRUNE_EVERY = 1_000

ADVANCE = "UPDATE consensus_appliedstate SET index = %s::bigint WHERE id = 1 AND index = %s::bigint"
KNOWN = """
SELECT request_id, index, fingerprint, result FROM consensus_appliedrequest WHERE request_id = ANY(%s::text[])
"""
REMEMBER = """
INSERT INTO consensus_appliedrequest (request_id, index, fingerprint, result)
SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bytea[], %s::bytea[])
ON CONFLICT (request_id) DO UPDATE
SET index = excluded.index, fingerprint = excluded.fingerprint, result = excluded.result
"""
FORGET = "DELETE FROM consensus_appliedrequest WHERE index <= %s::bigint"


class DatabaseApplier:
    """Uses Django's default connection of the calling thread, so that a state machine may use the ORM."""

    def __init__(self, state_machine: StateMachine, members: Sequence[str]):
        self._state_machine = state_machine
        self._states: dict[str, tuple[str, int]] = {}
        state_machine.reset()
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        AppliedState.objects.get_or_create(id=1)
        for node in members:
            Member.objects.get_or_create(node=node)
        self._applied = AppliedState.objects.get(id=1).index
        self._load_states()

    def _load_states(self) -> None:
        self._states = {member.node: (member.state, member.state_revision) for member in Member.objects.all()}

    def applied_index(self) -> int:
        return self._applied

    def node_state(self, node: str) -> tuple[str, int]:
        """(state, revision of its last change) of a node, as applied here."""
        return self._states.get(node, (ACTIVE, 0))

    def apply(self, entries: Sequence[Entry]) -> list[Outcome]:
        last = entries[-1].index
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(ADVANCE, (last, entries[0].index - 1))
                if cursor.rowcount != 1:
                    raise InvariantViolation(f"the applied index is not {entries[0].index - 1}, as it should be")
                outcomes = self._apply(cursor, entries)
                if last // PRUNE_EVERY != self._applied // PRUNE_EVERY:
                    cursor.execute(FORGET, (last - REQUEST_WINDOW,))
        except BaseException:
            self._state_machine.reset()
            raise
        self._applied = last
        if any(entry.kind == EntryKind.GROUP for entry in entries):
            self._load_states()
        return outcomes

    def _apply(self, cursor, entries: Sequence[Entry]) -> list[Outcome]:
        proposals = [(entry, _decode(entry)) for entry in entries if entry.kind != EntryKind.NOOP]
        if not proposals:
            return []
        first = self._first_answers(cursor, [proposal.request_id for _, proposal in proposals])
        fresh: dict[str, tuple[Entry, Proposal]] = {}
        for entry, proposal in proposals:
            known = first.get(proposal.request_id)
            # Measured from the entry itself, so that nodes which cut batches differently decide alike.
            if known is None or known[0] <= entry.index - REQUEST_WINDOW:
                fresh.setdefault(proposal.request_id, (entry, proposal))
        results = self._run(list(fresh.values()))
        if results:
            cursor.execute(
                REMEMBER,
                (
                    list(fresh),
                    [entry.index for entry, _ in fresh.values()],
                    [proposal.fingerprint for _, proposal in fresh.values()],
                    [results[entry.index] for entry, _ in fresh.values()],
                ),
            )
        first |= {
            request_id: (entry.index, proposal.fingerprint, results[entry.index])
            for request_id, (entry, proposal) in fresh.items()
        }
        return [_outcome(proposal, *first[proposal.request_id]) for _, proposal in proposals]

    def _first_answers(self, cursor, request_ids: list[str]) -> dict[str, tuple[int, bytes, bytes]]:
        cursor.execute(KNOWN, (request_ids,))
        return {row[0]: (row[1], bytes(row[2]), bytes(row[3])) for row in cursor.fetchall()}

    def _run(self, fresh: list[tuple[Entry, Proposal]]) -> dict[int, bytes]:
        """Results by index: the product's commands in one batch, the group's own one by one."""
        commands = [
            Command(entry.index, proposal.request_id, proposal.payload)
            for entry, proposal in fresh
            if entry.kind == EntryKind.COMMAND
        ]
        results: dict[int, bytes] = {}
        if commands:
            answers = self._state_machine.apply(commands)
            results.update(zip((command.index for command in commands), answers, strict=True))
        for entry, proposal in fresh:
            if entry.kind == EntryKind.GROUP:
                results[entry.index] = apply_group_command(entry.index, proposal.payload)
        return results


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
        return Outcome(index, proposal.request_id, b"", conflict=True)
    return Outcome(index, proposal.request_id, result)
