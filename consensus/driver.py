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

from consensus.conf import NodeConfig
from consensus.drain import DrainWatch
from consensus.errors import UnknownVersion
from consensus.forwarding import Forwarding
from consensus.ports import Applier, Storage, Transport
from consensus.raft.log import Log
from consensus.raft.node import RaftConfig, RaftNode, Role
from consensus.wire import (
    Answer,
    PeerMessage,
    ProposeForward,
    ProposeRefused,
    ReadAnswer,
    ReadForward,
    Report,
    Request,
    TransferForward,
)

APPLY_AT_ONCE = 256
APPLY_BACKLOG = 64

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Events:
    """What has happened since the last turn. Ticks that come late collapse into one."""

    heartbeat_due: bool = False
    election_due: bool = False
    received: list[tuple[str, PeerMessage]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)


class Driver:
    """``transport_for`` gives the transport of one epoch.

    ``publish`` takes the answers of one turn, grouped by the asking process's answer list.
    """

    def __init__(
        self,
        config: NodeConfig,
        storage: Storage,
        transport_for: Callable[[int], Transport],
        applier: Applier,
        publish: Callable[[Mapping[str, Sequence[Answer]]], None],
        randint: Callable[[int, int], int],
        now_ms: int,
    ):
        self.config = config
        self.storage = storage
        self.applier = applier
        self.publish = publish
        self.halted = ""
        self.reports: dict[str, Report] = {}
        self.heard_ms: dict[str, int] = {}
        stored = storage.open()
        self.epoch = stored.epoch
        self.transport = transport = transport_for(stored.epoch)
        raft = RaftConfig(
            node=config.node,
            voters=tuple(sorted(config.members)),
            election_timeout_min_ms=config.election_timeout_min_ms,
            election_timeout_max_ms=config.election_timeout_max_ms,
        )
        log = Log(storage, stored.terms, stored.last_index)
        self.node = RaftNode(raft, stored.hard_state, log, applier.applied_index(), randint, now_ms)
        self._answers: dict[str, list[Answer]] = {}
        self.forwarding = Forwarding(config, self.node, transport, applier, self._answer, stored.epoch)
        self.drain = DrainWatch(config, self.node, applier, self.forwarding)
        self._led_by = ("", 0)
        self._heartbeat_ms = self._election_ms = now_ms
        self._reported_ms = now_ms - 1000

    def turn(self, events: Events, now_ms: int) -> bool:
        """Take ``events`` and do all that follows. Returns whether more can be done at once."""
        for source, message in events.received:
            self._receive(source, message, now_ms)
        for request in events.requests:
            self.forwarding.request(request, now_ms)
        self._tick(events, now_ms)
        self._notice_leader()
        self.forwarding.dispatch(now_ms)
        more = self._settle(self._appliable(events))
        self._publish()
        return more

    def _appliable(self, events: Events) -> int:
        """How many committed entries to apply in this turn.

        Every applying transaction has its price, whatever its size. A follower for whom nobody waits leaves it for
        when it has nothing else to do, or for the next tick, or until a batch has come together.
        """
        if self.halted:
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
        return self.node.applied_index < self.node.commit_index and not self.halted

    def _receive(self, source: str, message: PeerMessage, now_ms: int) -> None:
        self.heard_ms[source] = now_ms
        match message:
            case Report():
                self.reports[source] = message
            case ProposeForward():
                self.forwarding.on_propose_forward(source, message)
            case ProposeRefused():
                self.forwarding.proposals.refused(message.request_ids, message.reason)
            case ReadForward():
                self.forwarding.on_read_forward(source, message)
            case ReadAnswer():
                self.forwarding.on_read_answer(message)
            case TransferForward():
                self.forwarding.begin_transfer(message.to, now_ms)
            case _:
                self.node.step(source, message, now_ms)

    def _tick(self, events: Events, now_ms: int) -> None:
        if events.heartbeat_due:
            self._heartbeat_ms = now_ms
            self.node.tick_heartbeat()
        if events.election_due:
            self._election_ms = now_ms
            self.drain.tick(now_ms)
            self.node.tick_election(now_ms)
            self.forwarding.tick(now_ms, self.config.election_timeout_max_ms)
            if now_ms - self._reported_ms >= 1000:
                self._report(now_ms)
        # A node whose scheduler has stopped must not go on leading by the traffic of its clients alone.
        if self.scheduler_late_ms(now_ms) > self.config.election_timeout_max_ms:
            self.node.step_down(now_ms)

    def _notice_leader(self) -> None:
        led_by = (self.node.leader, self.node.term)
        if led_by != self._led_by and self.node.leader:
            logger.info("%s: leader of term %d is %s", self.config.node, self.node.term, self.node.leader)
            self._led_by = led_by
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
            self._send(ready.late)
            self.forwarding.on_read_results(ready.reads)
            if ready.committed and not leads:
                self._apply(ready.committed)
            if ready.committed:
                return True
        return False

    def _apply(self, committed: Sequence) -> None:
        try:
            outcomes = self.applier.apply(committed)
        except UnknownVersion as error:
            # Guessing would make nodes differ: stand still, and say so, until a newer release runs here.
            self.halted = str(error)
            logger.critical("%s stops applying: %s", self.config.node, error)
            return
        last = committed[-1].index
        self.node.applied(last)
        for outcome in outcomes:
            self.forwarding.proposals.applied(outcome)
        self.forwarding.reads.applied(last)
        self._publish()

    def _send(self, messages: Sequence[tuple[str, PeerMessage]]) -> None:
        grouped: dict[str, list[PeerMessage]] = {}
        for destination, message in messages:
            grouped.setdefault(destination, []).append(message)
        for destination, group in grouped.items():
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
        report = self.own_report()
        for peer in self.config.peers:
            self.transport.send(peer, [report])

    def own_report(self) -> Report:
        node = self.node
        return Report(
            str(node.role),
            node.term,
            node.leader,
            node.commit_index,
            node.applied_index,
            self.config.web_url,
            self.halted,
        )

    def scheduler_late_ms(self, now_ms: int) -> int:
        """How long ago the scheduler last ticked."""
        return now_ms - min(self._heartbeat_ms, self._election_ms)

    def hand_over(self, now_ms: int) -> bool:
        """Ask the best follower to lead, before this node stops. False: nothing to hand over (any more)."""
        if self.node.role is Role.LEADER and not self.node.transferring:
            return self.forwarding.begin_transfer("", now_ms)
        return self.node.role is Role.LEADER
