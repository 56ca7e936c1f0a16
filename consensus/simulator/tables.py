"""The replicated tables of one node, in memory (implements `ports.Applier`): a dictionary, and the answers given."""

from collections.abc import Sequence
from random import Random

from consensus.group_commands import ACTIVE
from consensus.ports import Outcome
from consensus.raft.messages import Entry, EntryKind
from consensus.wire import Proposal, proposal_decoder


class Tables:
    """``applied`` is every applied entry in order, so that any earlier state can be made again."""

    def __init__(self, random: Random):
        self._random = random
        self.applied: list[Entry] = []
        self.answers: dict[str, tuple[int, bytes, bytes]] = {}
        self.changes = 0

    def applied_index(self) -> int:
        return len(self.applied)

    def node_state(self, node: str) -> tuple[str, int]:
        return ACTIVE, 0

    def apply(self, entries: Sequence[Entry]) -> list[Outcome]:
        assert entries[0].index == len(self.applied) + 1, "applied out of order"
        return [outcome for entry in entries if (outcome := self._apply(entry)) is not None]

    def _apply(self, entry: Entry) -> Outcome | None:
        self.applied.append(entry)
        if entry.kind == EntryKind.NOOP:
            return None
        proposal: Proposal = proposal_decoder.decode(entry.data)
        if proposal.request_id not in self.answers:
            self.changes += 1
            result = f"{self.changes}:".encode() + proposal.payload
            self.answers[proposal.request_id] = (entry.index, proposal.fingerprint, result)
        index, fingerprint, result = self.answers[proposal.request_id]
        conflict = fingerprint != proposal.fingerprint
        return Outcome(index, proposal.request_id, proposal.fingerprint, b"" if conflict else result, conflict)

    def crash(self) -> None:
        """Fall back to an earlier applied point: the last transactions had not reached the disk."""
        keep = max(0, len(self.applied) - self._random.choice((0, 0, 1, 5, 50)))
        entries = self.applied[:keep]
        self.applied, self.answers, self.changes = [], {}, 0
        for entry in entries:
            self._apply(entry)
