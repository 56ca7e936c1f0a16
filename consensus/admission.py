"""Who a node is, and whether it may act: a group is founded once, and storage that went back is noticed.

* An *incarnation* is a random name of one database. The membership holds each member's, so a member that comes back
  with another database (it was lost, or swapped) is refused: it has forgotten its votes (scenarios R46, N04).
* A group is founded when all the nodes that the settings name have said hello to each other, all still without a
  group. Whoever comes later and finds a group that does not know it, asks to join.
* At the start of each life a node says hello and acts (votes, acknowledges, campaigns) only once so many voters have
  answered that they are a majority with itself, the leader among them where they follow one, and none has seen more of
  it than its storage holds: a higher epoch, a higher term, or log entries that it acknowledged. A restored backup, or
  a fail-over to a copy that lags, ends here.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from consensus.conf import NodeConfig
from consensus.errors import DatabaseRefused, NameUsed
from consensus.ports import Applier, Storage, StoredState, Transport
from consensus.raft.messages import Identity, Membership, RaftMessage, Snapshot, VoteReply, VoteRequest
from consensus.raft.node import RaftNode, Role
from consensus.raft.quorum import Quorum
from consensus.wire import Hello, HelloAnswer

HELLO_EVERY_MS = 300
# Without a word from a leader for so long, a node asks who belongs to the group: it may know none of them any more.
LOST_AFTER_MS, LOST_HELLO_EVERY_MS = 3000, 1500
MAX_JOINING = 16

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Joining:
    """A node that has said hello and is no member. ``heard_ms`` is when it last did."""

    identity: Identity
    web_url: str
    heard_ms: int


class Acquaintances:
    """What a process has seen of other nodes; it outlives the lives of its own node."""

    def __init__(self) -> None:
        self.epochs: dict[str, int] = {}
        self.terms: dict[str, int] = {}
        self.identities: dict[str, Identity] = {}

    def saw(self, source: str, message: RaftMessage) -> None:
        """A term that ``source`` itself had stored when it sent this: a pre-vote's is only talked about."""
        if not (isinstance(message, VoteRequest | VoteReply) and message.pre):
            self.terms[source] = max(message.term, self.terms.get(source, 0))


class Admission:
    """``admitted`` says whether the node may act."""

    def __init__(
        self,
        config: NodeConfig,
        node: RaftNode,
        storage: Storage,
        stored: StoredState,
        applier: Applier,
        transport: Transport,
        acquaintances: Acquaintances,
        now_ms: int,
    ):
        self._config = config
        self._node = node
        self._storage = storage
        self._stored = stored
        self._applier = applier
        self._transport = transport
        self._acquaintances = acquaintances
        self._said_ms = now_ms - HELLO_EVERY_MS
        # Who has answered, and whom each of them follows.
        self._answered: dict[str, str] = {}
        # Before there is a group: the incarnations of those who have none either.
        self._founders: dict[str, Identity] = {}
        self.identity = Identity(stored.incarnation, config.members.get(config.node, ""))
        self.joining: dict[str, Joining] = {}
        self.admitted = False
        # The others say that this node was taken out of the group while it was away.
        self._dismissed = False
        # The latest membership that others told of, where it is ahead of this node's log: whom to talk to, no more. The
        # leader may have come while this node was away.
        self._told = Membership()
        self._contacts: Mapping[str, Identity] = {}
        self.update_contacts()
        self._decide()

    @property
    def outside(self) -> bool:
        """Whether this node belongs to no group that it knows of (yet, or any more)."""
        return self._dismissed or self._config.node not in self._node.membership.everybody

    # --- whom to talk to -------------------------------------------------------------------------------------------
    def update_contacts(self) -> None:
        """Members, the nodes that the settings name, and those who ask to join; where each last said it is."""
        contacts = {node: Identity("", address) for node, address in self._config.members.items()}
        for node, identity in self._node.membership.identities.items():
            address = contacts[node].address if node in contacts else identity.address
            contacts[node] = Identity(identity.incarnation, address)
        if self._told.version > self._node.membership.version:
            contacts = dict(self._told.identities) | contacts
        contacts |= {node: joining.identity for node, joining in self.joining.items()}
        for node, heard in self._acquaintances.identities.items():
            if node in contacts and contacts[node].incarnation in ("", heard.incarnation):
                contacts[node] = Identity(contacts[node].incarnation, heard.address)
        if contacts != self._contacts:
            self._contacts = contacts
            self._transport.set_contacts(contacts)

    def heard_identities(self) -> dict[str, Identity]:
        """Who and where this node and the members are by their own word."""
        return self._acquaintances.identities | {self._config.node: self.identity}

    # --- saying hello ----------------------------------------------------------------------------------------------
    def tick(self, now_ms: int) -> None:
        seeking = not self.admitted or self.outside
        every_ms = HELLO_EVERY_MS if seeking else LOST_HELLO_EVERY_MS
        if now_ms - self._said_ms >= every_ms and (seeking or self._lost(now_ms)):
            self.say_hello(now_ms)
        for node, joining in list(self.joining.items()):
            if node in self._node.membership.everybody or now_ms - joining.heard_ms > 10 * HELLO_EVERY_MS:
                del self.joining[node]
        self.update_contacts()

    def _lost(self, now_ms: int) -> bool:
        return self._node.role is not Role.LEADER and now_ms - self._node.heard_ms > LOST_AFTER_MS

    def say_hello(self, now_ms: int) -> None:
        self._said_ms = now_ms
        hello = self._hello(waiting=not self.admitted or self._lost(now_ms))
        for peer in sorted(self._contacts):
            if peer != self._config.node:
                self._transport.send(peer, [hello])

    def _hello(self, waiting: bool) -> Hello:
        founders = tuple(sorted(self._config.members))
        founded = bool(self._node.membership.voters)
        return Hello(self.identity, founders, founded, self._config.web_url, waiting)

    def on_hello(self, source: str, message: Hello, now_ms: int) -> None:
        membership = self._node.membership
        known = membership.identities.get(source)
        if known is None or known.incarnation == message.identity.incarnation:
            self._acquaintances.identities[source] = message.identity
        if membership.voters and source not in membership.everybody:
            fresh = source not in membership.former
            if fresh and (source in self.joining or len(self.joining) < MAX_JOINING):
                self.joining[source] = Joining(message.identity, message.web_url, now_ms)
        elif not membership.voters and not message.founded:
            self._meet(source, message)
        self.update_contacts()
        match = self._node.match_indexes().get(source, 0)
        answer = HelloAnswer(
            self._node.membership,
            self._acquaintances.epochs.get(source, 0),
            self._acquaintances.terms.get(source, 0),
            self._node.term if match else 0,
            match,
            self._follows(now_ms),
        )
        answers = [answer] if membership.voters else [self._hello(waiting=False)]
        if message.waiting:
            self._transport.send(source, answers)

    def _follows(self, now_ms: int) -> str:
        """The leader, "" once it has been silent for an election time-out: whoever does not campaign (a learner, a
        drained node) remembers a leader that is gone until there is another one."""
        silent = now_ms - self._node.heard_ms > self._config.election_timeout_max_ms
        return "" if silent and self._node.role is not Role.LEADER else self._node.leader

    # --- founding --------------------------------------------------------------------------------------------------
    def _meet(self, source: str, message: Hello) -> None:
        """Another node without a group: found one when all that the settings name are there."""
        founders = tuple(sorted(self._config.members))
        if message.founders != founders:
            logger.error("%s names %s as members, this node %s: no group", source, message.founders, founders)
            self._founders.pop(source, None)
            return
        if source in founders:
            self._founders[source] = message.identity
            self._decide()

    def _found(self, membership: Membership) -> None:
        self._storage.found(membership)
        self._node.restore(Snapshot(0, 0, membership))
        self._applier.reload()
        self.update_contacts()
        logger.info("%s: the group is %s", self._config.node, ", ".join(membership.voters))

    # --- being admitted --------------------------------------------------------------------------------------------
    def on_answer(self, source: str, message: HelloAnswer) -> None:
        own = self._config.node
        if message.membership.version > max(self._told.version, self._node.membership.version):
            self._told = message.membership
            self.update_contacts()
        known = message.membership.identities.get(own)
        if known is not None and known.incarnation != self._stored.incarnation:
            raise DatabaseRefused(
                f"the group knows {own} with another database: this one has forgotten what {own} promised. "
                f"Start it under a new name, and remove {own} from the group"
            )
        if not self._node.membership.voters and own in message.membership.former:
            raise NameUsed(f"the group had a node {own} before, and a name is never used again")
        self._dismissed = own in message.membership.former
        if not self.admitted:
            self._check_not_gone_back(source, message)
        if not self._node.membership.voters and known is not None:
            # The group was founded, or took this node in, before this node knew; or it knew, and its storage went back.
            self._found(message.membership)
        if self.admitted:
            return
        self._answered[source] = message.leader
        self._decide()

    def _check_not_gone_back(self, source: str, message: HelloAnswer) -> None:
        hard, last = self._stored.hard_state, self._stored.last_index
        term = max(message.term, message.leader_term)
        lost = message.match > last and message.leader_term == hard.term
        if message.epoch > self._stored.epoch or term > hard.term or lost:
            raise DatabaseRefused(
                f"this database has gone back: {source} has seen {self._config.node} at epoch {message.epoch}, "
                f"term {term}, log {message.match}, but stored are epoch {self._stored.epoch}, term {hard.term}, "
                f"log {last}. Start it under a new name, and remove {self._config.node} from the group"
            )

    def _is_majority(self, nodes: Iterable[str]) -> bool:
        """By the latest membership that was told of: the voters that this node's log names may all be gone."""
        own = self._node.membership
        latest = self._told if own.voters and self._told.version > own.version else own
        return Quorum(latest.voters, latest.outgoing).reached(nodes)

    def _decide(self) -> None:
        own, membership = self._config.node, self._node.membership
        if not membership.voters and {own, *self._founders} == set(self._config.members):
            identities = self._founders | {own: self.identity}
            self._found(Membership(tuple(sorted(identities)), identities=identities))
            self.admitted = True  # nothing was promised yet that storage could have lost
        elif self._is_majority({own, *self._answered}):
            # Only the leader knows what this node has acknowledged, so where there is one, it must have answered.
            self.admitted = {*self._answered.values()} <= {"", own, *self._answered}
