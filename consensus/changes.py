"""Changes of the membership, asked for at any node and decided by the leader (`raft.membership_change` has the rules).

A node comes as a learner, after it has said hello (admission.py); the leader makes it a voter when it has caught up.
Asking again is harmless: what is so already is said to be so.
"""

from collections.abc import Callable
from dataclasses import dataclass

from consensus.admission import Admission
from consensus.conf import NodeConfig
from consensus.pending import Waiter
from consensus.ports import Transport
from consensus.raft import membership as steps
from consensus.raft.messages import Membership
from consensus.raft.node import ChangeRefused, ProposalRefused, RaftNode, Role
from consensus.requests import Answer, ChangeRequest
from consensus.wire import Change, ChangeAnswer, ChangeForward, ChangeNote, encode


@dataclass(frozen=True, slots=True)
class Asked:
    """What a process of this node waits for."""

    request: ChangeRequest
    waiter: Waiter


class MembershipChanges:
    def __init__(
        self,
        config: NodeConfig,
        node: RaftNode,
        admission: Admission,
        transport: Transport,
        reply: Callable[[str, Answer], None],
        epoch: int,
    ):
        self._config = config
        self._node = node
        self._admission = admission
        self._transport = transport
        self._reply = reply
        self._context = epoch << 32
        self._asked: dict[int, Asked] = {}

    # --- asking ----------------------------------------------------------------------------------------------------
    def request(self, request: ChangeRequest, now_ms: int) -> None:
        waiter = Waiter(request.reply_to, request.token, now_ms + request.deadline_ms)
        if self._node.role is Role.LEADER:
            self._answer(waiter, *self._begin(request.note, now_ms))
        elif not self._node.leader:
            self._reply(waiter.reply_to, Answer(waiter.token, "no_leader"))
        else:
            self._context += 1
            self._asked[self._context] = Asked(request, waiter)
            self._transport.send(self._node.leader, [ChangeForward(self._context, request.note)])

    def _answer(self, waiter: Waiter, index: int, refused: str) -> None:
        answer = Answer(waiter.token, "refused" if refused else "ok", index, refused.encode())
        self._reply(waiter.reply_to, answer)

    def on_forward(self, source: str, message: ChangeForward, now_ms: int) -> None:
        index, refused = self._begin(message.note, now_ms)
        self._transport.send(source, [ChangeAnswer(message.context, index, refused)])

    def on_answer(self, message: ChangeAnswer) -> None:
        asked = self._asked.pop(message.context, None)
        if asked is not None:
            self._answer(asked.waiter, message.index, message.refused)

    # --- deciding --------------------------------------------------------------------------------------------------
    def _begin(self, note: ChangeNote, now_ms: int) -> tuple[int, str]:
        """(index of the first step, "") or (0, why not). What is so already has index 0 and no reason."""
        try:
            target = self._target(note)
            return (self._node.change_membership(target, now_ms), "") if target else (0, "")
        except (ChangeRefused, ProposalRefused) as refusal:
            return 0, str(refusal)

    def _target(self, note: ChangeNote) -> Membership | None:
        """The membership that is asked for, None if it is so already."""
        current, node, written = self._node.membership, note.node, encode(note)
        member = node in current.voters or node in current.learners
        match note.change:
            case Change.ADD | Change.ADD_LEARNER:
                if member:
                    return None
                joining = self._admission.joining.get(node)
                if node in current.former:
                    raise ChangeRefused(f"the group had a node {node} before, and a name is never used again")
                if joining is None:
                    raise ChangeRefused(f"{node} has not asked to join: start it first, naming this group's nodes")
                return steps.with_learner(current, node, joining.identity, note.change == Change.ADD, written)
            case Change.PROMOTE:
                if node not in current.learners:
                    if member:
                        return None
                    raise ChangeRefused(f"there is no node {node} in this group")
                return steps.with_voter(current, node, written)
            case Change.REMOVE:
                if member:
                    return steps.without(current, node, written)
                if node in current.former:
                    return None
                raise ChangeRefused(f"there is no node {node} in this group")
        raise ChangeRefused(f"{note.change} is not for asking")

    # --- what the leader does by itself ------------------------------------------------------------------------------
    def tick(self, now_ms: int) -> None:
        for context, asked in list(self._asked.items()):
            if asked.waiter.deadline_ms <= now_ms:
                del self._asked[context]
                self._reply(asked.waiter.reply_to, Answer(asked.waiter.token, "deadline"))
        if self._node.role is Role.LEADER and self._node.membership_settled:
            target = self._due()
            if target is not None:
                self._change_quietly(target, now_ms)

    def _due(self) -> Membership | None:
        """A learner that has caught up becomes a voter; a member that is reached elsewhere is written down so."""
        current = self._node.membership
        for learner in current.promised:
            if self._node.caught_up(learner):
                return steps.with_voter(current, learner, self._own_note(Change.PROMOTE, learner))
        for node, heard in self._admission.heard_identities().items():
            known = current.identities.get(node)
            if known is not None and known != heard and known.incarnation == heard.incarnation and heard.address:
                return steps.at_address(current, node, heard, self._own_note(Change.ADDRESS, node))
        return None

    def _own_note(self, change: Change, node: str) -> bytes:
        return encode(ChangeNote(change, node, actor=self._config.node))

    def _change_quietly(self, target: Membership, now_ms: int) -> None:
        """It will be due again if it cannot be done now."""
        try:
            self._node.change_membership(target, now_ms)
        except (ChangeRefused, ProposalRefused):
            return
