"""Who a node is, and whether it may act: a group is founded once, and storage that went back is noticed.

* An *incarnation* is a random name of one database. The membership holds each member's, so a member that comes back
  with another database (it was lost, or swapped) is refused: it has forgotten its votes (scenarios R46, N04).
* A group is founded by decree (founding.py), once. Whoever comes later learns from the answer to its hello what was
  decreed; if the group does not know it, it asks to join.
* At the start of each life a node says hello and acts (votes, acknowledges, campaigns) only once so many voters have
  answered that they are a majority with itself, the leader among them where they follow one, and none has seen more of
  it than its storage holds: a higher epoch, a higher term, or log entries that it acknowledged. A restored backup, or
  a fail-over to a copy that lags, ends here.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from consensus.conf import NodeConfig
from consensus.errors import DatabaseRefused, NameUsed, OtherDatabase
from consensus.founding import Beginning, Founding
from consensus.ports import Applier, Storage, StoredState, Transport
from consensus.raft.messages import Identity, Membership, RaftMessage, Snapshot, VoteReply, VoteRequest
from consensus.raft.node import RaftNode, Role
from consensus.raft.quorum import Quorum
from consensus.wire import FoundingMessages, Hello, HelloAnswer

HELLO_EVERY_MS = 300
# Without a word from a leader for so long, a node asks who belongs to the group: it may know none of them any more.
LOST_AFTER_MS, LOST_HELLO_EVERY_MS = 3000, 1500
# An answer counts for so long. Who has gone since may have named a leader that is gone as well, or a membership that
# nobody else has heard of, and both would be waited for for ever.
ANSWER_COUNTS_MS = 5 * HELLO_EVERY_MS
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
        # By node and incarnation: the lives of another database of that name count for nothing.
        self.epochs: dict[tuple[str, str], int] = {}
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
        randint: Callable[[int, int], int],
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
        self._sought_ms = now_ms
        # Who has answered, what, and when.
        self._answered: dict[str, tuple[HelloAnswer, int]] = {}
        self.identity = Identity(stored.incarnation, config.members.get(config.node, ""))
        self.group_id = stored.group_id
        transport.set_group_id(self.group_id)
        # While there is no group.
        self._founding: Founding | None = None
        if not node.membership.voters:
            self._founding = Founding(config, self.identity, storage, stored, transport, randint, now_ms)
        self.joining: dict[str, Joining] = {}
        self.admitted = False
        # The others say that this node was taken out of the group while it was away.
        self._dismissed = False
        # The latest membership that others told of, where it is ahead of this node's log: whom to talk to, no more. The
        # leader may have come while this node was away.
        self._told = Membership()
        self._contacts: Mapping[str, Identity] = {}
        self.update_contacts()
        self._decide(now_ms)

    @property
    def outside(self) -> bool:
        """Whether this node belongs to no group that it knows of (yet, or any more)."""
        return self._dismissed or self._config.node not in self._node.membership.everybody

    @property
    def waits_for(self) -> str:
        """Why there is no group yet, "" where this node knows one or has been told of one."""
        return "" if self._founding is None or self._answered else self._founding.waits_for

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
        if self._founding is not None:
            self._founding.tick(now_ms)
        seeking = not self.admitted or self.outside
        every_ms = HELLO_EVERY_MS if seeking else LOST_HELLO_EVERY_MS
        if now_ms - self._said_ms >= every_ms and (seeking or self._lost(now_ms)):
            self.say_hello(now_ms)
        if self._node.role is Role.LEADER and now_ms - self._sought_ms >= LOST_HELLO_EVERY_MS:
            self._seek_silent(now_ms)
        for node, joining in list(self.joining.items()):
            if node in self._node.membership.everybody or now_ms - joining.heard_ms > 10 * HELLO_EVERY_MS:
                del self.joining[node]
        self.update_contacts()

    def _lost(self, now_ms: int) -> bool:
        return self._node.role is not Role.LEADER and now_ms - self._node.heard_ms > LOST_AFTER_MS

    def _seek_silent(self, now_ms: int) -> None:
        """Members that do not answer may know nobody of those who are here now, and hear strangers' hellos only."""
        self._sought_ms = now_ms
        heard = {self._config.node, *self._node.active_peers(now_ms - LOST_AFTER_MS)}
        for peer in sorted(self._node.membership.everybody - heard):
            self._transport.send(peer, [self._hello(waiting=False)])

    def say_hello(self, now_ms: int) -> None:
        self._said_ms = now_ms
        hello = self._hello(waiting=not self.admitted or self._lost(now_ms))
        for peer in sorted(self._contacts):
            if peer != self._config.node:
                self._transport.send(peer, [hello])

    def _hello(self, waiting: bool) -> Hello:
        candidates = tuple(sorted(self._config.members))
        founded = bool(self._node.membership.voters)
        return Hello(self.identity, candidates, founded, self._config.web_url, waiting)

    def on_hello(self, source: str, message: Hello, now_ms: int) -> None:
        membership = self._node.membership
        known = membership.identities.get(source)
        if known is None or known.incarnation == message.identity.incarnation:
            self._acquaintances.identities[source] = message.identity
        if membership.voters and source not in membership.everybody:
            fresh = source not in membership.former
            if fresh and (source in self.joining or len(self.joining) < MAX_JOINING):
                self.joining[source] = Joining(message.identity, message.web_url, now_ms)
        elif self._founding is not None and not message.founded:
            self._founding.meet(source, message.identity, message.founders)
        self.update_contacts()
        match = self._node.match_indexes().get(source, 0)
        answer = HelloAnswer(
            self._node.membership,
            self._acquaintances.epochs.get((source, message.identity.incarnation), 0),
            self._acquaintances.terms.get(source, 0),
            self._node.term if match else 0,
            match,
            self._follows(now_ms),
            self.group_id,
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
    def on_founding(self, source: str, message: FoundingMessages, now_ms: int) -> None:
        """Where there is a group, the answer to a hello tells what was decreed."""
        if self._founding is not None:
            self._founding.receive(source, message, now_ms)

    def wait_ms(self, now_ms: int) -> int | None:
        """How long until the clock must be looked at; None: not before something happens."""
        return None if self._founding is None else self._founding.wait_ms(now_ms)

    def settle(self, now_ms: int) -> None:
        """Do all that follows from what has happened."""
        beginning = self._founding.settle(now_ms) if self._founding is not None else None
        if beginning is not None:
            self._begin(beginning, now_ms)

    def _begin(self, beginning: Beginning, now_ms: int) -> None:
        """What was decreed may not name this node, or its database: then others tell what follows from that, and until
        they know themselves, this one helps them to learn."""
        known = beginning.membership.identities.get(self._config.node)
        if known is None or known.incarnation != self._stored.incarnation:
            logger.error("%s: this database is not among the founders of %s", self._config.node, beginning.group_id)
            return
        self._found(beginning.membership, beginning.group_id)
        # Even now it acts only with the others' consent: this may be news of long ago, and the storage a restored one.
        self._decide(now_ms)
        self.say_hello(now_ms)

    def _found(self, membership: Membership, group_id: str) -> None:
        self._storage.found(membership, group_id)
        self._founding = None
        self.group_id = group_id
        self._transport.set_group_id(group_id)
        self._node.restore(Snapshot(0, 0, membership))
        self._applier.reload()
        self.update_contacts()
        voters = ", ".join(membership.voters)
        logger.info("%s: the group is %s, its id %s", self._config.node, voters, group_id or "none")

    # --- being admitted --------------------------------------------------------------------------------------------
    def on_answer(self, source: str, message: HelloAnswer, now_ms: int) -> None:
        own = self._config.node
        if self._node.membership.voters and message.group_id != self.group_id:
            return  # of another group, one of them founded before there were ids
        if message.membership.version > max(self._told.version, self._node.membership.version):
            self._told = message.membership
            self.update_contacts()
        known = message.membership.identities.get(own)
        if known is not None and known.incarnation != self._stored.incarnation:
            raise OtherDatabase(
                f"the group knows {own} with another database: this one has forgotten what {own} promised. "
                f"Start it under a new name, and remove {own} from the group"
            )
        if not self._node.membership.voters and own in message.membership.former:
            raise NameUsed(f"the group had a node {own} before, and a name is never used again")
        # In a joint membership, whoever goes still counts, and is needed for its end.
        self._dismissed = own in message.membership.former and own not in message.membership.everybody
        # Also where others have let it in before: this one may be the first to know.
        self._check_not_gone_back(source, message)
        if self.admitted:
            return
        if not self._node.membership.voters and known is not None:
            # The group was founded, or took this node in, before this node knew.
            self._found(message.membership, message.group_id)
        self._answered[source] = message, now_ms
        self._decide(now_ms)

    def _check_not_gone_back(self, source: str, message: HelloAnswer) -> None:
        hard, last = self._node.hard_state, self._node.last_index
        term = max(message.term, message.leader_term)
        lost = message.match > last and message.leader_term == hard.term
        if message.epoch > self._stored.epoch or term > hard.term or lost:
            raise DatabaseRefused(
                f"this database has gone back: {source} has seen {self._config.node} at epoch {message.epoch}, "
                f"term {term}, log {message.match}, but stored are epoch {self._stored.epoch}, term {hard.term}, "
                f"log {last}. Start it under a new name, and remove {self._config.node} from the group"
            )

    def _decide(self, now_ms: int) -> None:
        own, membership = self._config.node, self._node.membership
        answers = {node: answer for node, (answer, at) in self._answered.items() if now_ms - at <= ANSWER_COUNTS_MS}
        # The voters that this node's log names may all be gone.
        latest = max([membership, *(answer.membership for answer in answers.values())], key=lambda one: one.version)
        if membership.voters and Quorum(latest.voters, latest.outgoing).reached({own, *answers}):
            # Only the leader knows what this node has acknowledged, so where there is one, it must have answered.
            self.admitted = {answer.leader for answer in answers.values()} <= {"", own, *answers}
