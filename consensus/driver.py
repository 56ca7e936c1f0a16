"""The one loop of a node: receive, step, persist, send, apply, answer. The live runtime and the simulator share it.

One call of `Driver.turn` takes everything that has happened since the last one, so what waits together travels
together: one durable statement, one message a peer, one applying transaction. The order is the contract of
`raft.node`: a leader's appends leave at once; everything else only after what it promises is durable; results only
after they are applied. Any exception out of `turn` means: throw this driver away and start another one from storage.

Time is handed in, monotonic, in milliseconds. Nothing here blocks but storage and applier.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from consensus.addressing import by_destination
from consensus.admission import Acquaintances, Admission
from consensus.changes import MembershipChanges
from consensus.conf import NodeConfig
from consensus.drain import DrainWatch
from consensus.errors import StartOver
from consensus.forwarding import Forwarding
from consensus.load import Loads
from consensus.ports import Applier, Digests, Images, RegisterFunction, Storage, StoredState, Transport
from consensus.raft.log import Log
from consensus.raft.messages import Entry
from consensus.raft.node import RaftConfig, RaftNode, Role
from consensus.registers import Registers, replace
from consensus.requests import (
    Answer,
    ChangeRequest,
    LoadNote,
    RebuildRequest,
    RegisterNamesRequest,
    RegisterNewsRequest,
    RegisterRequest,
    Request,
    RestoreRequest,
)
from consensus.upkeep import Surroundings, Upkeep
from consensus.wire import (
    ChangeAnswer,
    ChangeForward,
    FoundingMessages,
    Hello,
    HelloAnswer,
    PeerMessage,
    ProposeForward,
    ProposeRefused,
    ReadAnswer,
    ReadForward,
    RegisterMessages,
    Report,
    SnapshotAck,
    SnapshotChunk,
    SnapshotRequest,
    TablesDigest,
    TransferForward,
)

APPLY_AT_ONCE = 256
APPLY_BACKLOG = 128
# With nothing happening for LULL_S, what was put off is done; without a single tick for IDLE_S, the scheduler is gone.
LULL_S, IDLE_S = 0.01, 0.5

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Events:
    """What has happened since the last turn. Ticks that come late collapse into one."""

    heartbeat_due: bool = False
    election_due: bool = False
    compact_due: bool = False
    verify_due: bool = False
    received: list[tuple[str, PeerMessage]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)


@dataclass(slots=True)
class Ports:
    """What stands around one life of a node.

    ``transport_for`` gives the transport of one life, by its epoch and the node's incarnation. ``publish`` takes the
    answers of one turn, grouped by the asking process's answer list. ``randint`` is a random whole number between two
    bounds, both included.
    """

    storage: Storage
    transport_for: Callable[[int, str], Transport]
    applier: Applier
    images: Images
    digests: Digests
    publish: Callable[[Mapping[str, Sequence[Answer]]], None]
    randint: Callable[[int, int], int]
    acquaintances: Acquaintances
    register_function: RegisterFunction = replace


class Driver:
    """One life of a node: begins with what storage holds."""

    def __init__(self, config: NodeConfig, ports: Ports, now_ms: int):
        self.config = config
        self.storage = ports.storage
        self.applier = ports.applier
        self.publish = ports.publish
        self.acquaintances = ports.acquaintances
        self.reports: dict[str, Report] = {}
        self.heard_ms: dict[str, int] = {}
        stored = ports.storage.open()
        self.epoch = stored.epoch
        self.transport = transport = ports.transport_for(stored.epoch, stored.incarnation)
        self.node = node = _raft_node(config, ports, stored, now_ms)
        self._answers: dict[str, list[Answer]] = {}
        self.forwarding = Forwarding(config, node, transport, self.applier, self._answer, stored.epoch)
        self.drain = DrainWatch(config, node, self.applier, self.forwarding)
        self.admission = Admission(
            config, node, ports.storage, stored, self.applier, transport, ports.acquaintances, ports.randint, now_ms
        )
        self.changes = MembershipChanges(config, node, self.admission, transport, self._answer, stored.epoch)
        self.registers = Registers(
            config,
            node,
            self.admission,
            ports.storage,
            stored,
            transport,
            self._answer,
            ports.register_function,
            ports.randint,
        )
        around = Surroundings(ports.storage, transport, self.applier, ports.images, ports.digests)
        self.upkeep = Upkeep(config, node, around, self.admission, stored.diverged)
        self.loads = Loads()
        self._led_by = ("", 0)
        self._led_since_ms = now_ms
        self._heartbeat_ms = self._election_ms = now_ms
        self._reported_ms = now_ms - 1000

    def turn(self, events: Events, now_ms: int) -> bool:
        """Take ``events`` and do all that follows. Returns whether more can be done at once."""
        for source, message in events.received:
            self._receive(source, message, now_ms)
        for request in events.requests:
            self._request(request, now_ms)
        if self.upkeep.restorer.done:
            self._publish()
            raise StartOver("the tables are those of a snapshot now")
        self._tick(events, now_ms)
        self._notice_leader(now_ms)
        self.forwarding.dispatch(now_ms)
        self.admission.settle(now_ms)
        self.registers.settle(now_ms)
        more = self._settle(self._appliable(events))
        self.upkeep.install_received()
        self._publish()
        return more

    def _appliable(self, events: Events) -> int:
        """How many committed entries to apply in this turn.

        Every applying transaction has its price, whatever its size. A follower for whom nobody waits leaves it for
        when it has nothing else to do, or for the next tick, or until a batch has come together.
        """
        if self.upkeep.halted:
            return 0
        node = self.node
        busy = bool(events.received) and not events.election_due
        if busy and node.role is not Role.LEADER and not self.forwarding.somebody_waits:
            backlog = node.commit_index - node.applied_index
            return APPLY_AT_ONCE if backlog >= APPLY_BACKLOG else 0
        return APPLY_AT_ONCE

    @property
    def lags(self) -> bool:
        """Whether there is something left to apply, for a moment with nothing else to do."""
        return self.node.applied_index < self.node.commit_index and not self.upkeep.halted

    def patience_s(self, now_ms: int) -> float:
        """How long to wait for something to happen before the next turn."""
        longest_s = LULL_S if self.lags else IDLE_S
        waits_ms = (self.registers.wait_ms(now_ms), self.admission.wait_ms(now_ms))
        return min([longest_s, *(wait_ms / 1000 for wait_ms in waits_ms if wait_ms is not None)])

    def _request(self, request: Request, now_ms: int) -> None:
        match request:
            case RebuildRequest():
                self.upkeep.rebuild()
                self._answer(request.reply_to, Answer(request.token, "ok"))
            case RestoreRequest():
                self._answer(request.reply_to, self.upkeep.restorer.take(request))
            case LoadNote():
                self.loads.note(request.reply_to, request.load, now_ms)
            case _ if diverged := self.upkeep.verification.diverged:
                self._answer(request.reply_to, Answer(request.token, "diverged", result=diverged.encode()))
            case ChangeRequest():
                self.changes.request(request, now_ms)
            case RegisterRequest() | RegisterNamesRequest() | RegisterNewsRequest():
                self.registers.request(request, now_ms)
            case _:
                self.forwarding.request(request, now_ms)

    def _receive(self, source: str, message: PeerMessage, now_ms: int) -> None:
        self.heard_ms[source] = now_ms
        match message:
            case Report():
                self.reports[source] = message
                self.forwarding.note_halted(source, bool(message.halted))
                self.registers.compare(source, message.registers, now_ms)
            case RegisterMessages():
                self.registers.receive(source, message, now_ms)
            case ProposeForward():
                self.forwarding.on_propose_forward(source, message)
            case ProposeRefused():
                self.forwarding.proposals.refused(message.request_ids, message.reason)
            case ReadForward():
                self.forwarding.on_read_forward(source, message, now_ms)
            case ReadAnswer():
                self.forwarding.on_read_answer(message)
            case TransferForward():
                self.forwarding.begin_transfer(message.to, now_ms)
            case Hello():
                self.admission.on_hello(source, message, now_ms)
            case HelloAnswer():
                self.admission.on_answer(source, message, now_ms)
            case FoundingMessages():
                self.admission.on_founding(source, message, now_ms)
            case ChangeForward():
                self.changes.on_forward(source, message, now_ms)
            case ChangeAnswer():
                self.changes.on_answer(message)
            case SnapshotChunk() | SnapshotAck() | SnapshotRequest() | TablesDigest():
                self.upkeep.receive(source, message, now_ms)
            case _ if self.admission.admitted:
                self.acquaintances.saw(source, message)
                self.node.step(source, message, now_ms)

    def _tick(self, events: Events, now_ms: int) -> None:
        if events.heartbeat_due:
            self._heartbeat_ms = now_ms
            self.node.tick_heartbeat(now_ms)
        if events.compact_due:
            self.upkeep.look_at_log(now_ms)
        if events.verify_due:
            self.upkeep.begin_verification()
        if events.election_due:
            self._election_ms = now_ms
            self._tick_election(now_ms)
        # A node whose scheduler has stopped must not go on leading by the traffic of its clients alone.
        if self.scheduler_late_ms(now_ms) > self.config.election_timeout_max_ms:
            self.node.step_down(now_ms)

    def _tick_election(self, now_ms: int) -> None:
        self.admission.tick(now_ms)
        self.registers.tick(now_ms)
        if self.admission.admitted:
            self.drain.tick(now_ms, fit=not self.upkeep.halted)
            self.node.tick_election(now_ms)
        self.forwarding.tick(now_ms, self.config.election_timeout_max_ms)
        self.changes.tick(now_ms)
        self.upkeep.tick(now_ms)
        if now_ms - self._reported_ms >= 1000:
            self._report(now_ms)

    def _notice_leader(self, now_ms: int) -> None:
        led_by = (self.node.leader, self.node.term)
        if led_by != self._led_by and self.node.leader:
            logger.info("%s: leader of term %d is %s", self.config.node, self.node.term, self.node.leader)
            self._led_by, self._led_since_ms = led_by, now_ms
            self.forwarding.leader_changed()
            self._reported_ms -= 1000  # tell people at the next tick

    def _settle(self, appliable: int) -> bool:
        """Work the core's `Ready` off until nothing is left, or one batch has been applied."""
        while ready := self.node.ready(appliable):
            self._send(ready.early)
            # A leader's followers are busy with what was just sent: time to answer those who wait for the last batch.
            # A follower's leader waits for what comes next, so there applying comes last.
            leads = self.node.role is Role.LEADER
            if ready.committed and leads:
                self._apply(ready.committed)
            if ready.hard_state is not None or ready.entries:
                self.storage.save(ready.hard_state or self.node.hard_state, ready.entries)
                self.node.saved(ready)
                self.upkeep.compactor.written += sum(len(entry.data) for entry in ready.entries)
            self._send(ready.late)
            self.forwarding.on_read_results(ready.reads)
            if ready.committed and not leads:
                self._apply(ready.committed)
            if ready.committed:
                return True
        return False

    def _apply(self, committed: Sequence[Entry]) -> None:
        for outcome in self.upkeep.apply(committed):
            self.forwarding.proposals.applied(outcome)
        self.forwarding.reads.applied(self.node.applied_index)
        self._publish()

    def _send(self, messages: Sequence[tuple[str, PeerMessage]]) -> None:
        for destination, group in by_destination(messages).items():
            self.transport.send(destination, group)

    def _answer(self, reply_to: str, answer: Answer) -> None:
        if reply_to:  # the node's own proposals have nobody waiting
            self._answers.setdefault(reply_to, []).append(answer)

    def _publish(self) -> None:
        if self._answers:
            answers, self._answers = self._answers, {}
            self.publish(answers)

    def _report(self, now_ms: int) -> None:
        self._reported_ms = now_ms
        report = self.own_report(now_ms)
        for peer in sorted(self.node.membership.everybody - {self.config.node}):
            self.transport.send(peer, [report])
        self.upkeep.report()

    def own_report(self, now_ms: int) -> Report:
        node = self.node
        leads = node.role is Role.LEADER
        return Report(
            str(node.role),
            node.term,
            node.leader,
            node.commit_index,
            node.applied_index,
            self.config.web_url,
            self.upkeep.halted,
            now_ms - self._led_since_ms if leads else 0,
            self.loads.total(now_ms, len(self.forwarding.proposals)),
            bool(self.upkeep.verification.diverged),
            self.registers.news.digest,
        )

    def scheduler_late_ms(self, now_ms: int) -> int:
        """How long ago the scheduler last ticked."""
        return now_ms - min(self._heartbeat_ms, self._election_ms)

    def hand_over(self, now_ms: int) -> bool:
        """Ask the best follower to lead, before this node stops. False: nothing to hand over (any more)."""
        if self.node.role is Role.LEADER and not self.node.transferring:
            return self.forwarding.begin_transfer("", now_ms)
        return self.node.role is Role.LEADER


def _raft_node(config: NodeConfig, ports: Ports, stored: StoredState, now_ms: int) -> RaftNode:
    raft = RaftConfig(
        node=config.node,
        election_timeout_min_ms=config.election_timeout_min_ms,
        election_timeout_max_ms=config.election_timeout_max_ms,
        lease_reads=config.lease_reads,
        waits_in_joint=True,
    )
    snapshot = stored.snapshot
    log = Log(ports.storage, stored.terms, stored.last_index, (snapshot.index, snapshot.term))
    memberships = [(snapshot.index, snapshot.membership), *stored.memberships]
    return RaftNode(raft, stored.hard_state, log, memberships, ports.applier.applied_index(), ports.randint, now_ms)
