"""Clients of a simulated group: they write, retry the same request elsewhere, read, and check what they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from consensus.fingerprints import fingerprint
from consensus.raft.messages import EntryKind
from consensus.simulator.checkers import Checkers, Violation
from consensus.simulator.machine import Machine
from consensus.wire import PROPOSAL_VERSION, Answer, Proposal, ProposeRequest, ReadRequest, encode, proposal_decoder

DEADLINE_MS = 3000


@dataclass(slots=True)
class Write:
    """A request id; ``refused`` counts the attempts that were certainly not appended."""

    request_id: str
    data: bytes
    attempts: int = 0
    refused: int = 0
    answers: list[tuple[int, bytes]] = field(default_factory=list)


class Workload:
    def __init__(self, random: Random, checkers: Checkers):
        self._random = random
        self._checkers = checkers
        self._tokens = 0
        self._calls: dict[int, Write | int] = {}
        self.writes: dict[str, Write] = {}
        # The highest index that anybody was told is applied: no later read may see less.
        self._acknowledged = 0
        self.reads = 0

    def step(self, machines: list[Machine]) -> None:
        machine = self._random.choice(machines)
        chance = self._random.random()
        if chance < 0.15:
            self.write(machine)
        elif chance < 0.2 and self.writes:
            self._send(self._random.choice(list(self.writes.values())[-20:]), machine)
        elif chance < 0.3:
            self._tokens += 1
            if machine.request(ReadRequest("client", self._tokens, DEADLINE_MS)):
                self._calls[self._tokens] = self._acknowledged

    def write(self, machine: Machine) -> Write:
        request_id = f"r{len(self.writes)}"
        payload = request_id.encode()
        data = encode(Proposal(PROPOSAL_VERSION, request_id, fingerprint(payload), payload))
        write = self.writes[request_id] = Write(request_id, data)
        self._send(write, machine)
        return write

    def _send(self, write: Write, machine: Machine) -> None:
        self._tokens += 1
        request = ProposeRequest("client", self._tokens, DEADLINE_MS, write.request_id, EntryKind.COMMAND, write.data)
        if machine.request(request):
            write.attempts += 1
            self._calls[self._tokens] = write

    def answered(self, machine: Machine, answers: Mapping[str, Sequence[Answer]]) -> None:
        for answer in answers.get("client", ()):
            call = self._calls.pop(answer.token)
            if isinstance(call, Write):
                self._write_answered(machine, call, answer)
            elif answer.status == "ok":
                self._read_answered(machine, call)

    def _write_answered(self, machine: Machine, write: Write, answer: Answer) -> None:
        if answer.status == "ok":
            write.answers.append((answer.index, answer.result))
            if len(set(write.answers)) > 1:
                raise Violation(f"{write.request_id} was answered differently: {write.answers}")
            if machine.tables.applied_index() < answer.index:
                raise Violation(f"{write.request_id} was answered before {machine.name} applied it")
            self._acknowledged = max(self._acknowledged, answer.index)
        elif answer.status in ("no_leader", "overloaded"):
            write.refused += 1
        elif answer.status == "conflict":
            raise Violation(f"{write.request_id} was told to conflict with itself")

    def _read_answered(self, machine: Machine, acknowledged: int) -> None:
        self.reads += 1
        seen = machine.tables.applied_index()
        if seen < acknowledged:
            raise Violation(f"stale read at {machine.name}: sees {seen}, but {acknowledged} was acknowledged before")
        self._acknowledged = max(self._acknowledged, seen)

    def check(self) -> None:
        """At the end: nothing acknowledged is lost, nothing refused was done, everything was done once."""
        applied: dict[str, int] = {}
        for entry in self._checkers.committed:
            if entry.kind == EntryKind.COMMAND:
                applied.setdefault(proposal_decoder.decode(entry.data).request_id, entry.index)
        for write in self.writes.values():
            index = applied.get(write.request_id)
            if write.answers and write.answers[0][0] != index:
                raise Violation(f"{write.request_id} was acknowledged at {write.answers[0][0]}, but is at {index}")
            if index is not None and write.attempts == write.refused:
                raise Violation(f"{write.request_id} was refused every time, but was applied at {index}")
