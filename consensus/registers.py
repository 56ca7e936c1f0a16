"""The registers of a node: Paxos beside Raft, in the same turns, over the same inboxes, in the same Postgres.

`paxos.node` decides; here it is given its membership, its messages and its disk:

* It takes part exactly while the node may act at all (admission.py): not before others have confirmed who it is, and
  no longer once it is out of the group. A node that lost its database, or came back with an old one, is refused there.
* It follows the *committed* membership. The leader lets a joint one end only when every register is carried over.
* What is chosen is announced until all have heard of it. A node that missed something all the same (it was away when
  the announcer died) finds out by the digests that all exchange once a second, and asks to be told everything.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count

from consensus.addressing import by_destination
from consensus.admission import Admission
from consensus.carrying_out import carry_out
from consensus.conf import NodeConfig
from consensus.paxos.errors import Overloaded
from consensus.paxos.messages import HardState, PaxosMessage
from consensus.paxos.node import Outcome, PaxosConfig, PaxosNode, Ready
from consensus.paxos.quorum import Membership
from consensus.paxos.register import Change, Register
from consensus.paxos.work import Kind
from consensus.pending import Waiter
from consensus.ports import RegisterFunction, Storage, StoredState, Transport
from consensus.raft.messages import Membership as RaftMembership
from consensus.raft.node import RaftNode, Role
from consensus.register_handover import Eraser, Handover
from consensus.register_news import NewsDesk
from consensus.requests import (
    Answer,
    RegisterNames,
    RegisterNamesRequest,
    RegisterNewsRequest,
    RegisterOutcome,
    RegisterRequest,
)
from consensus.wire import RegisterMessages, encode

MAX_VALUE_BYTES = 32 << 10
# So many fit a frame, whatever they carry.
MESSAGES_AT_ONCE = 8
# Digests that differ so often in a row while both sides move on mean that something was missed.
DIFFERENCES_ALLOWED = 5

_STATUS = {Kind.REUSED: "conflict", Kind.UNAVAILABLE: "no_majority", Kind.UNKNOWN: "unknown"}


def replace(register: Register, command: bytes) -> bytes:
    """The plainest `ports.RegisterFunction`: the command is the next value."""
    return command


class Registers:
    """One life of a node; the driver is its only caller."""

    def __init__(
        self,
        config: NodeConfig,
        raft: RaftNode,
        admission: Admission,
        storage: Storage,
        stored: StoredState,
        transport: Transport,
        reply: Callable[[str, Answer], None],
        function: RegisterFunction,
        randint: Callable[[int, int], int],
    ):
        self._config = config
        self._raft = raft
        self._admission = admission
        self._storage = storage
        # Before there is a group, the records are those of its founding.
        self._kept = (stored.registers, dict(stored.records)) if raft.membership.voters else (HardState(), {})
        self._transport = transport
        self._reply = reply
        self._function = function
        self._randint = randint
        self._paxos: PaxosNode | None = None
        self._contexts = count(1)
        self._asked: dict[int, Callable[[Outcome], None]] = {}
        self._handover: Handover | None = None
        self._eraser = Eraser(self._ask_quietly)
        self.news = NewsDesk(stored.epoch, reply)
        # Of each peer: its last digest, ours then, and how often in a row they differed.
        self._digests: dict[str, tuple[int, int, int]] = {}

    # --- what happens ------------------------------------------------------------------------------------------------
    def receive(self, source: str, message: RegisterMessages, now_ms: int) -> None:
        paxos = self._follow(now_ms)
        if paxos is not None:
            for one in message.messages:
                paxos.step(source, one, now_ms)

    def compare(self, source: str, digest: int, now_ms: int) -> None:
        """A peer's digest: where both stand still and differ, something was missed; also where they differ time after
        time."""
        paxos = self._follow(now_ms)
        if paxos is None:
            return
        theirs, ours, times = self._digests.get(source, (0, 0, 0))
        now = (digest, self.news.digest)
        times = times + 1 if now[0] != now[1] else 0
        self._digests[source] = (*now, times)
        if times > DIFFERENCES_ALLOWED or (times > 1 and now == (theirs, ours)):
            self._digests[source] = (*now, 0)
            paxos.pull(source)

    def request(self, request: RegisterRequest | RegisterNamesRequest | RegisterNewsRequest, now_ms: int) -> None:
        """Take one request of a process of this node."""
        waiter = Waiter(request.reply_to, request.token, now_ms + request.deadline_ms)
        if isinstance(request, RegisterNewsRequest):
            self.news.request(request, waiter)
            return
        paxos = self._follow(now_ms)
        if paxos is None:
            self._answer(waiter, "no_majority")
            return
        try:
            if isinstance(request, RegisterNamesRequest):
                answer = partial(self._answer_names, waiter)
                self._ask(lambda context: paxos.list_registers(context, request.after, now_ms), answer)
            else:
                self._ask(lambda context: self._begin(paxos, context, request, now_ms), partial(self._ended, waiter))
        except Overloaded:
            self._answer(waiter, "overloaded")
        except ValueError as error:
            self._answer(waiter, "refused", str(error).encode())

    def _begin(self, paxos: PaxosNode, context: int, request: RegisterRequest, now_ms: int) -> None:
        if request.command:
            function = partial(self._function, command=request.command)
            paxos.change(context, request.name, Change(request.request_id, function, request.fingerprint), now_ms)
        else:
            paxos.read(context, request.name, now_ms)

    def _ask(self, ask: Callable[[int], None], done: Callable[[Outcome], None]) -> None:
        context = next(self._contexts)
        ask(context)
        self._asked[context] = done

    def _ask_quietly(self, ask: Callable[[int], None], done: Callable[[Outcome], None]) -> None:
        """For the node itself: too busy means later."""
        try:
            self._ask(ask, done)
        except Overloaded:
            done(Outcome(Kind.UNAVAILABLE))

    def tick(self, now_ms: int) -> None:
        """On the scheduler's tick."""
        self.news.tick(now_ms)
        paxos = self._follow(now_ms)
        if paxos is None:
            return
        paxos.tick(now_ms)
        if self._eraser.step(paxos, now_ms, self._raft.role is Role.LEADER):
            self.news.drop(lambda name: paxos.learned(name) is None)

    # --- who takes part ----------------------------------------------------------------------------------------------
    @property
    def _may_act(self) -> bool:
        return self._admission.admitted and not self._admission.outside

    def _follow(self, now_ms: int) -> PaxosNode | None:
        """This node's part, under the membership of now; None: it may not act."""
        if not self._may_act:
            return None
        committed = self._raft.committed_membership
        if self._paxos is None:
            if committed.voters:
                self._paxos = self._start(committed, now_ms)
        elif committed.version > self._paxos.membership.version:
            self._paxos.set_membership(_membership(committed), now_ms)
        return self._paxos

    def _start(self, committed: RaftMembership, now_ms: int) -> PaxosNode:
        config = PaxosConfig(
            self._config.node,
            request_timeout_ms=int(self._config.deadline_s * 1000),
            max_value_bytes=MAX_VALUE_BYTES,
        )
        return PaxosNode(config, _membership(committed), *self._kept, self._randint, now_ms)

    def _hand_over(self, paxos: PaxosNode, now_ms: int) -> None:
        """At the leader of a joint membership that is committed: see to it that it may end."""
        if self._raft.role is not Role.LEADER or not paxos.membership.outgoing:
            self._handover = None
            return
        if self._handover is None or self._handover.version != paxos.membership.version:
            self._handover = Handover(paxos, self._ask_quietly)
        self._handover.step(now_ms)
        if self._handover.done:
            self._raft.end_joint(self._handover.version)

    # --- what is to be done ------------------------------------------------------------------------------------------
    def wait_ms(self, now_ms: int) -> int | None:
        """How long until the clock must be looked at; None: not before something happens."""
        wake_ms = self._paxos.wake_ms() if self._paxos is not None and self._may_act else None
        return None if wake_ms is None else max(0, wake_ms - now_ms)

    def settle(self, now_ms: int) -> None:
        """Do all that follows from what has happened. The order is the contract of `paxos.node`."""
        paxos = self._follow(now_ms)
        if paxos is None:
            return
        self._hand_over(paxos, now_ms)
        wake_ms = paxos.wake_ms()
        if wake_ms is not None and wake_ms <= now_ms:
            paxos.tick(now_ms)
        while ready := paxos.ready():
            self._work_off(paxos, ready)
            self._hand_over(paxos, now_ms)

    def _work_off(self, paxos: PaxosNode, ready: Ready) -> None:
        carry_out(paxos, ready, self._storage, self._send)
        self.news.learned(ready.learned)
        for context, outcome in ready.results:
            self._asked.pop(context)(outcome)

    def _send(self, addressed: Sequence[tuple[str, PaxosMessage]]) -> None:
        for destination, messages in by_destination(addressed).items():
            pieces = range(0, len(messages), MESSAGES_AT_ONCE)
            travelling = [RegisterMessages(tuple(messages[at : at + MESSAGES_AT_ONCE])) for at in pieces]
            self._transport.send(destination, travelling)

    # --- answering ---------------------------------------------------------------------------------------------------
    def _ended(self, waiter: Waiter, outcome: Outcome) -> None:
        status = _STATUS.get(outcome.kind, "ok")
        result = encode(RegisterOutcome(str(outcome.kind), outcome.version, outcome.value)) if status == "ok" else b""
        self._answer(waiter, status, result)

    def _answer_names(self, waiter: Waiter, outcome: Outcome) -> None:
        if outcome.kind is Kind.DONE:
            self._answer(waiter, "ok", encode(RegisterNames(outcome.names, outcome.more)))
        else:
            self._answer(waiter, "no_majority")

    def _answer(self, waiter: Waiter, status: str, result: bytes = b"") -> None:
        self._reply(waiter.reply_to, Answer(waiter.token, status, result=result))


def _membership(raft: RaftMembership) -> Membership:
    return Membership(raft.version, raft.voters, raft.outgoing, raft.learners)
