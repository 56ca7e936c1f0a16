"""The replicated tables of one node, in memory (implements `ports.Applier`): a dictionary, and the answers given."""

from collections.abc import Callable, Iterable, Sequence

from consensus.group_commands import ACTIVE, SetNodeState, command_decoder
from consensus.node_states import Standing, decide
from consensus.ports import Outcome
from consensus.raft.messages import Entry, EntryKind
from consensus.simulator.power import Power
from consensus.wire import Proposal, proposal_decoder

PROPOSALS = (EntryKind.COMMAND, EntryKind.GROUP)


class Tables:
    """``applied`` is every applied entry in order. ``witness`` sees each batch before it takes effect.

    ``voters`` are those that drains are decided among.
    """

    def __init__(self, power: Power, witness: Callable[[Sequence[Entry]], None], voters: Iterable[str] = ()):
        self._power = power
        self._witness = witness
        self._voters = tuple(voters)
        self._states: dict[str, tuple[str, int]] = {}
        self.applied: list[Entry] = []
        self.answers: dict[str, tuple[int, bytes, bytes]] = {}
        self.changes = 0
        # What a hand or a bad disk has done to the rows; part of every digest and image.
        self.damage = 0

    def applied_index(self) -> int:
        return len(self.applied)

    def node_state(self, node: str) -> tuple[str, int]:
        return self._states.get(node, (ACTIVE, 0))

    def apply(self, entries: Sequence[Entry]) -> list[Outcome]:
        assert entries[0].index == len(self.applied) + 1, "applied out of order"
        self._power.operate()
        self._witness(entries)
        outcomes = [outcome for entry in entries if (outcome := self._apply(entry)) is not None]
        self._power.operate()
        return outcomes

    def _apply(self, entry: Entry) -> Outcome | None:
        self.applied.append(entry)
        if entry.kind not in PROPOSALS:
            return None
        proposal: Proposal = proposal_decoder.decode(entry.data)
        if proposal.request_id not in self.answers:
            self.changes += 1
            result = f"{self.changes}:".encode() + proposal.payload
            if entry.kind == EntryKind.GROUP:
                self._set_state(entry.index, command_decoder.decode(proposal.payload))
            self.answers[proposal.request_id] = (entry.index, proposal.fingerprint, result)
        index, fingerprint, result = self.answers[proposal.request_id]
        conflict = fingerprint != proposal.fingerprint
        return Outcome(index, proposal.request_id, proposal.fingerprint, b"" if conflict else result, conflict)

    def _set_state(self, index: int, command: SetNodeState) -> None:
        members = {node: Standing(self.node_state(node)[0], voter=True) for node in self._voters}
        if decide(members, command)[1]:
            self._states[command.node] = (command.state, index)

    def fall_back(self, count: int) -> None:
        """Lose the last ``count`` entries: their transactions had not reached the disk when the power failed."""
        for entry in reversed(self.applied[max(0, len(self.applied) - count) :]):
            if entry.kind in PROPOSALS:
                request_id = proposal_decoder.decode(entry.data).request_id
                if self.answers[request_id][0] == entry.index:
                    del self.answers[request_id]
                    self.changes -= 1
            self.applied.pop()
        if self._states:
            self.replace(self.applied, self.damage)  # what each node's state was before is in the entries alone

    def replace(self, entries: Sequence[Entry], damage: int = 0) -> None:
        """The tables after exactly these entries: a received image."""
        self.applied, self.answers, self.changes, self.damage = [], {}, 0, damage
        self._states = {}
        for entry in entries:
            self._apply(entry)

    def reload(self) -> None:
        """There is no copy to forget."""
