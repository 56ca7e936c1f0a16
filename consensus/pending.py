"""What the processes of this node wait for: proposals until they are applied here, reads until they may be answered.

Rules: success is said only for what this node has applied; a refusal only for what was certainly not appended (it was
never sent anywhere); everything else that runs out of time is unknown (rules 5 and 7 of the design). Sending a
proposal again is safe, because applying it twice is not possible.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from consensus.ports import Outcome
from consensus.requests import Answer, ProposeRequest
from consensus.wire import Forwarded, read_proposal

Reply = Callable[[str, Answer], None]


@dataclass(slots=True)
class Waiter:
    reply_to: str
    token: int
    deadline_ms: int


@dataclass(slots=True)
class PendingProposal:
    proposal: Forwarded
    fingerprint: bytes
    waiters: list[Waiter]
    # Whether it may be in somebody's log: it was appended here, or sent to another node. A refusal from there does
    # not take that back, since the network may have doubled what was sent and the first copy may have been taken.
    unsure: bool = False
    sent_to: str = ""
    sent_ms: int = 0


class PendingProposals:
    """By request id. ``queue`` holds what has to be sent (again) as soon as there is a leader."""

    def __init__(self, reply: Reply):
        self._reply = reply
        self._pending: dict[str, PendingProposal] = {}
        self._queue: dict[str, None] = {}
        self._parked: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def __contains__(self, request_id: str) -> bool:
        return request_id in self._pending

    def add(self, request: ProposeRequest, now_ms: int) -> None:
        """What is in the log must be readable on every node, so rubbish ends here."""
        proposal = read_proposal(request.data)
        if proposal is None:
            return
        waiter = Waiter(request.reply_to, request.token, now_ms + request.deadline_ms)
        known, fingerprint = self._pending.get(request.request_id), proposal.fingerprint
        if known is None:
            forwarded = Forwarded(request.request_id, request.kind, request.data)
            self._pending[request.request_id] = PendingProposal(forwarded, fingerprint, [waiter])
            self._queue[request.request_id] = None
        else:
            if known.fingerprint == fingerprint:
                known.waiters.append(waiter)
            else:
                self._reply(waiter.reply_to, Answer(waiter.token, "conflict"))

    def take_queue(self) -> list[Forwarded]:
        taken = [self._pending[request_id].proposal for request_id in self._queue]
        self._queue.clear()
        return taken

    def put_back(self, proposals: Iterable[Forwarded]) -> None:
        self._queue.update((proposal.request_id, None) for proposal in proposals)

    def sent(self, proposals: Iterable[Forwarded], to: str, now_ms: int) -> None:
        for proposal in proposals:
            pending = self._pending[proposal.request_id]
            pending.unsure = True
            pending.sent_to = to
            pending.sent_ms = now_ms

    def refused(self, request_ids: Iterable[str], reason: str) -> None:
        """A leader did not take them, this time: try again a little later. Overload here is told to the asker."""
        for request_id in request_ids:
            pending = self._pending.get(request_id)
            if pending is None:
                continue
            if reason == "overloaded" and not pending.unsure:
                self._answer(self._drop(request_id), "overloaded")
            else:
                self._parked[request_id] = None

    def applied(self, outcome: Outcome) -> None:
        pending = self._pending.get(outcome.request_id)
        # An entry that carries the same request id for something else is not what is waited for here: such an entry
        # may be a retry that went through another node, still on its way when this one was asked.
        if pending is None or pending.fingerprint != outcome.fingerprint:
            return
        self._drop(outcome.request_id)
        self._answer(pending, "conflict" if outcome.conflict else "ok", outcome.index, outcome.result)

    def leader_changed(self) -> None:
        """What was sent to an earlier leader may be lost: send everything again."""
        self._queue.update((request_id, None) for request_id in self._pending)
        self._parked.clear()

    def tick(self, now_ms: int, resend_after_ms: int, node: str) -> None:
        """Send again what was parked or may be lost on the way; give up on what is out of time."""
        self._queue.update(self._parked)
        self._parked.clear()
        for request_id, pending in list(self._pending.items()):
            if pending.sent_to not in ("", node) and now_ms - pending.sent_ms > resend_after_ms:
                self._queue[request_id] = None
            overdue = [waiter for waiter in pending.waiters if waiter.deadline_ms <= now_ms]
            if overdue:
                self._answer_waiters(overdue, "unknown" if pending.unsure else "no_leader")
                pending.waiters = [waiter for waiter in pending.waiters if waiter.deadline_ms > now_ms]
            if not pending.waiters:
                self._drop(request_id)

    def _drop(self, request_id: str) -> PendingProposal:
        self._queue.pop(request_id, None)
        self._parked.pop(request_id, None)
        return self._pending.pop(request_id)

    def _answer(self, pending: PendingProposal, status: str, index: int = 0, result: bytes = b"") -> None:
        self._answer_waiters(pending.waiters, status, index, result)

    def _answer_waiters(self, waiters: Iterable[Waiter], status: str, index: int = 0, result: bytes = b"") -> None:
        for waiter in waiters:
            self._reply(waiter.reply_to, Answer(waiter.token, status, index, result))


@dataclass(slots=True)
class PendingReads:
    """Reads go to the leader in batches: those that come while one is on its way form the next."""

    reply: Reply
    waiting: list[Waiter] = field(default_factory=list)
    in_flight: list[Waiter] = field(default_factory=list)
    context: int = 0
    sent_ms: int = 0
    _applying: list[tuple[int, int, Waiter]] = field(default_factory=list)
    _order: count = field(default_factory=count)

    @property
    def somebody_waits(self) -> bool:
        return bool(self.waiting or self.in_flight or self._applying)

    def next_batch(self, now_ms: int) -> int | None:
        """Start the next batch if none is on its way: its context, or None."""
        if self.in_flight or not self.waiting:
            return None
        self.in_flight, self.waiting = self.waiting, []
        self.context += 1
        self.sent_ms = now_ms
        return self.context

    def confirmed(self, context: int, index: int | None) -> None:
        """The leader's answer; None: ask again (at the next tick, or when there is another leader)."""
        if context != self.context or not self.in_flight:
            return
        if index is None:
            self.ask_again()
            return
        for waiter in self.in_flight:
            self.wait_for(index, waiter)
        self.in_flight = []

    def ask_again(self) -> None:
        self.waiting = self.in_flight + self.waiting
        self.in_flight = []

    def wait_for(self, index: int, waiter: Waiter) -> None:
        heapq.heappush(self._applying, (index, next(self._order), waiter))

    def applied(self, index: int) -> None:
        while self._applying and self._applying[0][0] <= index:
            waiter = heapq.heappop(self._applying)[2]
            self.reply(waiter.reply_to, Answer(waiter.token, "ok", index))

    def tick(self, now_ms: int, resend_after_ms: int) -> None:
        if self.in_flight and now_ms - self.sent_ms > resend_after_ms:
            self.ask_again()
        self.waiting = self._expire(self.waiting, now_ms, "no_leader")
        self.in_flight = self._expire(self.in_flight, now_ms, "no_leader")
        late = [item for item in self._applying if item[2].deadline_ms <= now_ms]
        if late:
            self._applying = [item for item in self._applying if item[2].deadline_ms > now_ms]
            heapq.heapify(self._applying)
            self._expire([waiter for _, _, waiter in late], now_ms, "deadline")

    def _expire(self, waiters: list[Waiter], now_ms: int, status: str) -> list[Waiter]:
        for waiter in waiters:
            if waiter.deadline_ms <= now_ms:
                self.reply(waiter.reply_to, Answer(waiter.token, status))
        return [waiter for waiter in waiters if waiter.deadline_ms > now_ms]
