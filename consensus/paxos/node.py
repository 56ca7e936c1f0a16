"""`PaxosNode`: one node's part in the decrees and registers of a group, driven from outside. No leader is needed.

The contract with the caller:

1. Call `change`, `read`, `decide` and the others, `step` for a message, and `tick` (at `wake_ms` or a little later) as
   things happen, always with a monotonic time in milliseconds that never goes back. ``context`` is the caller's own
   number for a request; its `Outcome` comes in ``ready.results``, once.
2. Then call `ready`. Send ``ready.early`` at once. Make ``ready.hard_state`` and ``ready.records`` durable together,
   all or nothing (a record of None is deleted). Call `saved`. Only then send ``ready.late``.
3. Repeat until ``ready`` is empty. If making it durable fails, nothing more of that `Ready` may be sent: throw the
   node away and build another one from storage. What was asked of it is then unknown to its askers, and may be asked
   again with the same request id.
4. The order of messages does not matter; they may be lost, doubled and late. A storage that forgets must not come back
   under the same name.

Membership follows the group's: only what is committed there, for a membership that is taken back and replaced under the
same version would be two. Before the caller lets a joint membership end, it reads all pages of `list_registers` and has
`carry_over` done for every name, both begun after `set_membership` of the joint one and both with outcome `Kind.DONE`;
then everything that the outgoing voters chose is held by a majority of the new ones, and whoever still counts by an
older membership is refused (`acceptor`) and outranked (`ballot`). A tombstone is erased only when every member holds
it, learners included; so a node that was removed comes back only under a new name, and with nothing on its disk.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consensus.paxos import inquiries, rounds
from consensus.paxos.acceptor import Acceptor
from consensus.paxos.ballot import ZERO, Ballots
from consensus.paxos.errors import Overloaded
from consensus.paxos.learner import Learner
from consensus.paxos.messages import (
    Accept,
    Accepted,
    Chosen,
    Erase,
    HardState,
    Heard,
    ListNames,
    Names,
    PaxosMessage,
    Prepare,
    Promise,
    Pull,
    Pulled,
    Query,
    QueryReply,
    Record,
    Refusal,
)
from consensus.paxos.quorum import Membership, Quorum
from consensus.paxos.register import Change, Register, Stored, decode
from consensus.paxos.state import Addressed, PaxosConfig, State
from consensus.paxos.work import Asked, CarryOver, Decide, EraseTombstone, Read, Work
from consensus.paxos.work import Outcome as Outcome

MAX_ROUND = 1 << 62
MAX_QUERIES_PER_TICK = 16


@dataclass(frozen=True, slots=True)
class Ready:
    """What the caller has to do now; see the module's contract. ``hard_state`` is None when unchanged.

    ``learned``: the values that were found to be chosen, for watchers. ``own``: this node's answers to itself, taken
    up by `PaxosNode.saved`.
    """

    early: Sequence[Addressed]
    hard_state: HardState | None
    records: Sequence[tuple[str, Record | None]]
    late: Sequence[Addressed]
    results: Sequence[tuple[int, Outcome]]
    learned: Sequence[tuple[str, Stored]]
    own: Sequence[PaxosMessage]

    def __bool__(self) -> bool:
        return bool(
            self.early or self.hard_state or self.records or self.late or self.results or self.learned or self.own
        )


class PaxosNode:
    """``hard_state`` and ``records`` are what storage held; the node takes ``records`` over."""

    def __init__(
        self,
        config: PaxosConfig,
        membership: Membership,
        hard_state: HardState,
        records: dict[str, Record],
        randint: Callable[[int, int], int],
        now_ms: int,
    ):
        self._state = State(
            config,
            Quorum(membership),
            Acceptor(hard_state, records),
            Ballots(config.owner or config.node, hard_state.reserved),
            Learner(config.node),
            randint,
            now_ms,
        )
        self._saved_hard_state = hard_state
        self._join(membership)
        self._state.expect_all()
        self._pull = Pull("", self._state.next_ballot())
        self._pulling = dict.fromkeys(one for one in membership.members if one != config.node)
        self._repeat_ms = now_ms

    # --- what is known -------------------------------------------------------------------------------------------
    @property
    def hard_state(self) -> HardState:
        return self._state.hard_state

    @property
    def membership(self) -> Membership:
        return self._state.quorum.membership

    @property
    def busy(self) -> bool:
        """Whether anything that was asked has no outcome yet."""
        return self._state.asked > 0

    def learned(self, name: str) -> Stored | None:
        """What this node last heard to be chosen: possibly stale. None: nothing."""
        learned = self._state.learner.known.get(name)
        return None if learned is None else learned.stored

    def learned_names(self) -> list[str]:
        """What `learned` knows, without tombstones."""
        known = self._state.learner.known
        return sorted(
            name for name, one in known.items() if not isinstance(one.stored, Register) or one.stored.value is not None
        )

    def tombstones(self) -> list[str]:
        """Deleted registers that `erase` may remove. Erased, they remember no request ids any more: leave them as long
        as a change may be asked again."""
        return self._state.learner.tombstones()

    def record(self, name: str) -> Record | None:
        """What the acceptor holds."""
        return self._state.acceptor.records.get(name)

    def wake_ms(self) -> int | None:
        """When `tick` has something to do next; None: not before something happens."""
        state = self._state
        times = [round.wake_ms for round in state.rounds.values()]
        times += [inquiry.wake_ms for inquiry in (*state.reads.values(), *state.listings.values())]
        if state.unlearned:
            times.append(next(iter(state.unlearned.values())))
        if state.learner.owes or self._pulling:
            times.append(self._repeat_ms)
        return min(times, default=None)

    # --- what is asked -------------------------------------------------------------------------------------------
    def change(self, context: int, name: str, change: Change, now_ms: int) -> None:
        """Change a register. Raises `Overloaded`, `ValueError`."""
        rounds.ask(self._state, name, self._asked(context, name, change, now_ms))

    def decide(self, context: int, name: str, value: bytes, now_ms: int) -> None:
        """Single-decree Paxos: the outcome is the one value that is ever chosen for ``name``, this one or another."""
        if len(value) > self._state.config.max_value_bytes:
            raise ValueError(f"a value has at most {self._state.config.max_value_bytes} bytes")
        rounds.ask(self._state, name, self._asked(context, name, Decide(value), now_ms))

    def read(self, context: int, name: str, now_ms: int) -> None:
        """Read linearizably: in one round trip where the acceptors agree, else in a full round."""
        inquiries.read(self._state, name, self._asked(context, name, Read(), now_ms))

    def carry_over(self, context: int, name: str, now_ms: int) -> None:
        """Have what was chosen chosen again under the present membership (a full round, also for a decree)."""
        rounds.ask(self._state, name, self._asked(context, name, CarryOver(), now_ms))

    def list_registers(self, context: int, after: str, now_ms: int) -> None:
        """A page of the names that a quorum knows, tombstones included, after ``after`` ("": from the first)."""
        inquiries.list_names(self._state, after, self._take(context, Read(), now_ms))

    def erase(self, context: int, name: str, now_ms: int) -> None:
        """Remove a tombstone for good. Needs every member; gives way to other work: `Kind.UNAVAILABLE`, try later."""
        rounds.ask(self._state, name, self._asked(context, name, EraseTombstone(), now_ms))

    def pull(self, peer: str) -> None:
        """Ask ``peer`` for all that it knows to be chosen: this node has missed something."""
        if peer in self.membership.members:
            self._pulling[peer] = None

    def set_membership(self, membership: Membership, now_ms: int) -> None:
        """Follow the group's membership. Older ones than the present are ignored."""
        state = self._state
        if membership.version <= state.quorum.membership.version:
            return
        state.now_ms = now_ms
        state.quorum = Quorum(membership)
        self._join(membership)
        self._pulling = {one: None for one in self._pulling if one in membership.members}
        rounds.restart(state)
        inquiries.restart(state)

    def _join(self, membership: Membership) -> None:
        state = self._state
        state.acceptor.membership = max(state.acceptor.membership, membership.version)
        state.learner.set_peers(membership.members)

    def _asked(self, context: int, name: str, work: Work, now_ms: int) -> Asked:
        state = self._state
        if not 0 < len(name) <= state.config.max_name_length:
            raise ValueError(f"a name has 1 to {state.config.max_name_length} characters")
        records = state.acceptor.records
        if isinstance(work, Change | Decide) and name not in records and len(records) >= state.config.max_registers:
            raise Overloaded("too many registers")
        return self._take(context, work, now_ms)

    def _take(self, context: int, work: Work, now_ms: int) -> Asked:
        state = self._state
        if state.asked >= state.config.max_asked:
            raise Overloaded("too many requests wait")
        state.asked += 1
        state.now_ms = now_ms
        return Asked(context, work, now_ms + state.config.request_timeout_ms)

    # --- what happens --------------------------------------------------------------------------------------------
    def step(self, source: str, message: PaxosMessage, now_ms: int) -> None:
        """Take one message from ``source``."""
        state = self._state
        if message.ballot.membership < 0 or not 0 <= message.ballot.round <= MAX_ROUND:
            return
        state.now_ms = now_ms
        state.ballots.observe(message.ballot)
        match message:
            case Prepare() | Accept() | Query() | Erase() | ListNames():
                if isinstance(message, Accept):
                    state.ballots.observe(message.next)
                if message.ballot.round:
                    self._reply(source, state.answer(message))
            case Chosen():
                self._reply(source, self._hear(message))
            case Heard():
                self._on_heard(source, message)
            case Pull():
                state.learner.owe_everything(source)
                self._reply(source, Pulled("", message.ballot))
            case Pulled():
                if message.ballot == self._pull.ballot:
                    self._pulling.pop(source, None)
            case _:
                self._take_answer(source, message)

    def _take_answer(self, source: str, message: PaxosMessage) -> None:
        match message:
            case Promise():
                rounds.on_promise(self._state, source, message)
            case Accepted():
                rounds.on_accepted(self._state, source, message)
            case Refusal():
                rounds.on_refusal(self._state, source, message)
            case QueryReply():
                inquiries.on_query_reply(self._state, source, message)
            case Names():
                inquiries.on_names(self._state, source, message)

    def _reply(self, destination: str, message: PaxosMessage | None) -> None:
        if message is not None:
            self._state.replies.append((destination, message))

    def _hear(self, message: Chosen) -> Heard:
        """Below the floor, what is unknown here may have been erased: only a ballot above it tells."""
        state = self._state
        name = message.name
        if name not in state.learner.known and state.acceptor.accepted(name) == ZERO:
            if _is_tombstone(message.value):
                return Heard(name, message.ballot)
            if message.ballot <= state.acceptor.floor:
                return Heard(name, message.ballot, state.acceptor.floor)
        state.learner.learn(name, message.ballot, message.value)
        state.settle_unlearned(name)
        return Heard(name, message.ballot)

    def _on_heard(self, source: str, message: Heard) -> None:
        state = self._state
        state.learner.heard(source, message.name, message.ballot)
        if message.floor != ZERO:
            state.ballots.observe(message.floor)
            if message.ballot == state.learner.ballot(message.name):
                self._ask_itself(rounds.ask, message.name, CarryOver())

    def _ask_itself(self, ask: Callable[[State, str, Asked], None], name: str, work: Work) -> None:
        state = self._state
        ask(state, name, Asked(None, work, state.now_ms + state.config.request_timeout_ms))

    def tick(self, now_ms: int) -> None:
        """Look at the clock."""
        state = self._state
        state.now_ms = now_ms
        rounds.tick(state)
        inquiries.tick(state)
        state.acceptor.forget_promises(state.config.max_idle_promises)
        if now_ms >= self._repeat_ms:
            self._repeat_ms = now_ms + state.config.resend_ms
            state.requests += state.learner.repeat()
            state.requests += [(peer, self._pull) for peer in self._pulling]
        for name in [name for name, due_ms in list(state.unlearned.items())[:MAX_QUERIES_PER_TICK] if due_ms <= now_ms]:
            del state.unlearned[name]
            state.expect(name)
            self._ask_itself(inquiries.read, name, Read())

    # --- what to do ----------------------------------------------------------------------------------------------
    def ready(self) -> Ready:
        """Everything to do now."""
        state = self._state
        hard_state = state.hard_state if state.hard_state != self._saved_hard_state else None
        requests, state.requests = state.requests, []
        replies, state.replies = state.replies, []
        own, state.own = state.own, []
        results, state.results = state.results, []
        changed, state.acceptor.changed = state.acceptor.changed, {}
        news, state.learner.news = state.learner.news, {}
        # A question promises nothing about this node's disk, except that its ballot is never used again.
        reserved = hard_state is None or hard_state.reserved == self._saved_hard_state.reserved
        return Ready(
            requests if reserved else [],
            hard_state,
            [(name, state.acceptor.records.get(name)) for name in changed],
            replies if reserved else requests + replies,
            results,
            [(name, state.learner.known[name].stored) for name in news],
            own,
        )

    def saved(self, ready: Ready) -> None:
        """``ready.hard_state`` and ``ready.records`` are durable: this node's answers to itself count."""
        if ready.hard_state is not None:
            self._saved_hard_state = ready.hard_state
        for message in ready.own:
            self._take_answer(self._state.config.node, message)


def _is_tombstone(data: bytes) -> bool:
    stored = decode(data)
    return isinstance(stored, Register) and stored.value is None
