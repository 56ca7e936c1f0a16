"""Getting this node's proposals and reads to whoever leads, and taking those of other nodes when this one does."""

from collections.abc import Callable, Sequence

from consensus.conf import NodeConfig
from consensus.group_commands import ACTIVE
from consensus.pending import PendingProposals, PendingReads, Waiter
from consensus.ports import Applier, Transport
from consensus.raft.messages import EntryKind
from consensus.raft.node import ProposalRefused, RaftNode
from consensus.requests import Answer, ProposeRequest, ReadRequest, Request, TransferRequest, WaitRequest
from consensus.succession import successor
from consensus.wire import Forwarded, ProposeForward, ProposeRefused, ReadAnswer, ReadForward, TransferForward

FORWARD_BYTES = 512 << 10
FORWARD_COUNT = 512
HELD_BYTES = 16 << 20
PROPOSED = frozenset((EntryKind.COMMAND, EntryKind.GROUP))


class Forwarding:
    """``epoch`` makes read contexts differ from those of this node's earlier lives."""

    def __init__(
        self,
        config: NodeConfig,
        node: RaftNode,
        transport: Transport,
        applier: Applier,
        reply: Callable[[str, Answer], None],
        epoch: int,
    ):
        self._config = config
        self._name = config.node
        self._node = node
        self._transport = transport
        self._applier = applier
        self._reply = reply
        self.proposals = PendingProposals(reply)
        self.reads = PendingReads(reply, context=epoch << 32)
        # Other nodes' proposals that wait for the batch before them to be committed.
        self._held: list[tuple[str, tuple[Forwarded, ...]]] = []
        self._held_bytes = 0
        self._transfers: list[tuple[str, str, Waiter]] = []
        # The core counts reads of all nodes in one row; this maps its numbers back to who asked.
        self._asked: dict[int, tuple[str, int]] = {}
        self._next_context = 0
        self._halted: set[str] = set()

    @property
    def somebody_waits(self) -> bool:
        """Whether a process of this node waits for something to be applied here."""
        return len(self.proposals) > 0 or self.reads.somebody_waits

    def note_halted(self, peer: str, halted: bool) -> None:
        """``peer`` says whether it has stopped applying: then leadership is not handed to it."""
        if halted:
            self._halted.add(peer)
        else:
            self._halted.discard(peer)

    def request(self, request: Request, now_ms: int) -> None:
        """Take one request of a process of this node."""
        waiter = Waiter(request.reply_to, request.token, now_ms + request.deadline_ms)
        match request:
            case ProposeRequest():
                if request.kind in PROPOSED:
                    self.proposals.add(request, now_ms)
            case ReadRequest():
                self.reads.waiting.append(waiter)
            case WaitRequest():
                self.reads.wait_for(request.index, waiter)
                self.reads.applied(self._node.applied_index)
            case TransferRequest():
                self._request_transfer(request.to, waiter, now_ms)

    def _request_transfer(self, to: str, waiter: Waiter, now_ms: int) -> None:
        leader = self._node.leader
        if leader and leader == to:
            self._reply(waiter.reply_to, Answer(waiter.token, "ok", result=leader.encode()))
            return
        self._transfers.append((to, leader, waiter))
        if leader == self._name:
            self.begin_transfer(to, now_ms)
        elif leader:
            self._transport.send(leader, [TransferForward(to)])

    def begin_transfer(self, to: str, now_ms: int) -> bool:
        """Start handing leadership to ``to``, or with "" to the best follower. False: nobody can take it."""
        return self._node.transfer_leadership(to or self._best_successor(now_ms), now_ms)

    def _best_successor(self, now_ms: int) -> str:
        """Of the active voters that answered lately; "" if there is none."""
        lately = self._node.active_peers(now_ms - self._config.election_timeout_min_ms)
        match = self._node.match_indexes()
        fit = set(self._node.membership.voters) - self._halted
        able = [peer for peer in lately if peer in fit and self._applier.node_state(peer)[0] == ACTIVE]
        furthest = max((match[peer] for peer in able), default=0)
        return successor({peer: furthest - match[peer] for peer in able})

    def dispatch(self, now_ms: int) -> None:
        """Send what waits to the leader, if there is one."""
        leader = self._node.leader
        if leader == self._name:
            self._admit(now_ms)
        else:
            self._refuse_held("not leader")
        if not leader:
            return
        if leader != self._name and (queue := self.proposals.take_queue()):
            for batch in _batches(queue):
                self._transport.send(leader, [ProposeForward(batch)])
            self.proposals.sent(queue, leader, now_ms)
        context = self.reads.next_batch(now_ms)
        if context is None:
            return
        if leader == self._name:
            self._ask_core(self._name, context, now_ms)
        else:
            self._transport.send(leader, [ReadForward(context)])

    def _admit(self, now_ms: int) -> None:
        """Append what waits here, own and others', as one batch; the next one when this one is committed.

        Every batch costs each node a durable statement, messages and an applying transaction, whatever its size. So
        those that come meanwhile wait and travel together, instead of following in ever smaller pieces.
        """
        if self._node.has_uncommitted:
            return
        own, *rest = _batches(self.proposals.take_queue())
        for batch in rest:
            self.proposals.put_back(batch)
        held, self._held, self._held_bytes = self._held, [], 0
        batch = [proposal for _, proposals in held for proposal in proposals]
        batch.extend(own)
        if not batch:
            return
        try:
            _, last = self._node.propose([(proposal.kind, proposal.data) for proposal in batch])
        except ProposalRefused as refusal:
            self.proposals.refused([proposal.request_id for proposal in own], refusal.reason)
            self._held = held
            self._refuse_held(refusal.reason)
            return
        self.proposals.sent(own, self._name, now_ms)
        for source, _ in held:
            self._node.await_commit(source, last)

    def on_propose_forward(self, source: str, message: ProposeForward) -> None:
        size = sum(len(proposal.data) for proposal in message.proposals)
        if self._held_bytes + size > HELD_BYTES:
            request_ids = tuple(proposal.request_id for proposal in message.proposals)
            self._transport.send(source, [ProposeRefused(request_ids, "overloaded")])
            return
        self._held.append((source, message.proposals))
        self._held_bytes += size

    def _refuse_held(self, reason: str) -> None:
        held, self._held, self._held_bytes = self._held, [], 0
        for source, proposals in held:
            request_ids = tuple(proposal.request_id for proposal in proposals)
            self._transport.send(source, [ProposeRefused(request_ids, reason)])

    def on_read_forward(self, source: str, message: ReadForward, now_ms: int) -> None:
        if not self._ask_core(source, message.context, now_ms):
            self._transport.send(source, [ReadAnswer(message.context, None)])

    def on_read_answer(self, message: ReadAnswer) -> None:
        self.reads.confirmed(message.context, message.index)
        self.reads.applied(self._node.applied_index)

    def _ask_core(self, source: str, context: int, now_ms: int) -> bool:
        self._next_context += 1
        if not self._node.request_read(self._next_context, now_ms):
            return False
        self._asked[self._next_context] = (source, context)
        return True

    def on_read_results(self, results: Sequence[tuple[int, int | None]]) -> None:
        for number, index in results:
            source, context = self._asked.pop(number)
            if source != self._name:
                self._transport.send(source, [ReadAnswer(context, index)])
                continue
            self.reads.confirmed(context, index)
        self.reads.applied(self._node.applied_index)

    def leader_changed(self) -> None:
        self.proposals.leader_changed()
        self.reads.ask_again()
        leader = self._node.leader
        for to, before, waiter in list(self._transfers):
            if leader == to or (not to and leader != before):
                self._transfers.remove((to, before, waiter))
                self._reply(waiter.reply_to, Answer(waiter.token, "ok", result=leader.encode()))

    def tick(self, now_ms: int, resend_after_ms: int) -> None:
        self.proposals.tick(now_ms, resend_after_ms, self._name)
        self.reads.tick(now_ms, resend_after_ms)
        for transfer in list(self._transfers):
            if transfer[2].deadline_ms <= now_ms:
                self._transfers.remove(transfer)
                self._reply(transfer[2].reply_to, Answer(transfer[2].token, "deadline"))


def _batches(proposals: Sequence[Forwarded]) -> list[tuple[Forwarded, ...]]:
    """Cut into pieces that fit a frame; a piece holds at least one proposal."""
    batches: list[list[Forwarded]] = [[]]
    size = 0
    for proposal in proposals:
        full = size + len(proposal.data) > FORWARD_BYTES or len(batches[-1]) >= FORWARD_COUNT
        if batches[-1] and full:
            batches.append([])
            size = 0
        batches[-1].append(proposal)
        size += len(proposal.data)
    return [tuple(batch) for batch in batches]
