"""Clients of a simulated group: they write, retry the same request elsewhere, read, and check what they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from consensus.fingerprints import fingerprint
from consensus.raft.messages import EntryKind
from consensus.requests import Answer, ProposeRequest, ReadRequest
from consensus.simulator.agenda import Agenda
from consensus.simulator.checkers import Checkers
from consensus.simulator.ledger import Violation
from consensus.simulator.machine import Machine
from consensus.simulator.profiles import Profile
from consensus.wire import PROPOSAL_VERSION, Proposal, encode, proposal_decoder

# A client waits for at most so many of the longest election time-outs.
PATIENCE = 3
RETRIED = 20


@dataclass(slots=True)
class Write:
    """A request id; ``refused`` counts the attempts that were certainly not appended.

    ``after``: the highest index acknowledged to anybody before it was first asked for, so it must come later.
    """

    request_id: str
    data: bytes
    after: int
    attempts: int = 0
    refused: int = 0
    answer: tuple[int, bytes] | None = None


class Workload:
    """As often as ``profile`` says, on average, some client asks some node for something."""

    def __init__(self, random: Random, agenda: Agenda, checkers: Checkers, profile: Profile):
        self._random = random
        self._agenda = agenda
        self._checkers = checkers
        self._every_ms = profile.request_every_ms
        self.patience_ms = PATIENCE * profile.timing.election_ms[1]
        self._tokens = 0
        self._calls: dict[int, Write | int] = {}
        # The highest index that anybody was told is applied: no later read may see less.
        self._acknowledged = 0
        self._stopped = False
        self.writes: list[Write] = []
        self.reads = 0

    def begin(self, machines: Sequence[Machine]) -> None:
        self._agenda.after(self._random.random() * 2 * self._every_ms, self._ask, machines)

    def stop(self) -> None:
        self._stopped = True

    def _ask(self, machines: Sequence[Machine]) -> None:
        if self._stopped:
            return
        machine = machines[int(self._random.random() * len(machines))]
        chance = self._random.random()
        if chance < 0.5:
            self.write(machine)
        elif chance < 0.65 and self.writes:
            lately = min(len(self.writes), RETRIED)
            self._send(self.writes[-1 - int(self._random.random() * lately)], machine)
        else:
            self._read(machine)
        self.begin(machines)

    def _deadline_ms(self) -> int:
        return 1 + int(self._random.random() * self.patience_ms)

    def _read(self, machine: Machine) -> None:
        self._tokens += 1
        if machine.driver is not None:
            self._calls[self._tokens] = self._acknowledged
            machine.request(ReadRequest("client", self._tokens, self._deadline_ms()))

    def write(self, machine: Machine) -> Write:
        request_id = f"r{len(self.writes)}"
        payload = request_id.encode()
        data = encode(Proposal(PROPOSAL_VERSION, request_id, fingerprint(payload), payload))
        write = Write(request_id, data, self._acknowledged)
        self.writes.append(write)
        self._send(write, machine)
        return write

    def _send(self, write: Write, machine: Machine) -> None:
        self._tokens += 1
        request = ProposeRequest(
            "client", self._tokens, self._deadline_ms(), write.request_id, EntryKind.COMMAND, write.data
        )
        # The node may answer before `request` is done.
        if machine.driver is not None:
            write.attempts += 1
            self._calls[self._tokens] = write
            machine.request(request)

    def answered(self, machine: Machine, answers: Mapping[str, Sequence[Answer]]) -> None:
        for answer in answers.get("client", ()):
            call = self._calls.pop(answer.token)
            if isinstance(call, Write):
                self._write_answered(machine, call, answer)
            elif answer.status == "ok":
                self._read_answered(machine, call)

    def _write_answered(self, machine: Machine, write: Write, answer: Answer) -> None:
        match answer.status:
            case "ok":
                self._acknowledge(machine, write, answer)
            case "no_leader" | "overloaded":
                write.refused += 1
            case "conflict":
                raise Violation(f"{machine.name} tells {write.request_id} to conflict with itself")

    def _acknowledge(self, machine: Machine, write: Write, answer: Answer) -> None:
        told, name = (answer.index, answer.result), machine.name
        if write.answer is None:
            committed = self._checkers.committed[answer.index - 1 : answer.index]
            if not committed or committed[0].data != write.data:
                raise Violation(f"{name} acknowledges {write.request_id} at {answer.index}, but there is {committed}")
            if answer.index <= write.after:
                raise Violation(
                    f"{write.request_id} is at {answer.index}, though asked for after {write.after} was told"
                )
            write.answer = told
        elif write.answer != told:
            raise Violation(f"{name} answers {write.request_id} with {told}, but it was {write.answer} before")
        if machine.tables.applied_index() < answer.index:
            raise Violation(f"{name} acknowledges {write.request_id} before it has applied it")
        self._acknowledged = max(self._acknowledged, answer.index)

    def _read_answered(self, machine: Machine, acknowledged: int) -> None:
        self.reads += 1
        seen = machine.tables.applied_index()
        if seen < acknowledged:
            raise Violation(f"stale read: {machine.name} sees {seen}, but {acknowledged} was acknowledged before")
        self._acknowledged = max(self._acknowledged, seen)

    def check(self) -> None:
        """At the end: nothing acknowledged is elsewhere, nothing that was always refused was done."""
        applied: dict[str, int] = {}
        for entry in self._checkers.committed:
            if entry.kind == EntryKind.COMMAND:
                applied.setdefault(proposal_decoder.decode(entry.data).request_id, entry.index)
        for write in self.writes:
            index = applied.get(write.request_id)
            if write.answer is not None and write.answer[0] != index:
                raise Violation(f"{write.request_id} was acknowledged at {write.answer[0]}, but is at {index}")
            if index is not None and write.attempts == write.refused:
                raise Violation(f"{write.request_id} was refused every time, but was applied at {index}")
