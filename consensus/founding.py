"""How a group begins: one decree of Paxos, before there is any log, gives it its id and its first members.

The *candidates* are the nodes that the settings name, the same on each. Once all of them have said hello without a
group, one proposes a random group id and all of them, with their incarnations, as the first voters. What is chosen
becomes Raft's first membership on every node; whoever missed it is told in any answer to its hellos (admission.py).

**All candidates have to promise, and to accept** (`Membership.unanimous`), not just a majority. A majority is enough
where acceptors never forget. But here a database may be lost before anybody has seen enough of its node to notice. Of
three, n1 and n2 found a group, n1 is wiped, n2 is away: the new n1 and n3, which has not heard of it, are a majority,
and would found a second one. With unanimity that takes the loss of every database that holds the decree. The price is
that all candidates run at the same time once; what a node does that is named and absent then, nobody could say.

Why a lost database leads to no second group: let v be chosen at ballot b, so all candidates accepted it, and let n have
kept its database since. A proposal above b needs the promise of n. Given before n accepted at b, it would have made n
refuse that; given after, it names what n accepted at b or later, which by induction is v. Ballots carry the incarnation
of their proposer, since a node whose database was lost begins with its first ballot again.

A node that was wiped half-way takes part under its name, so that the others can complete what it may have accepted
before. If that names its old database, it is out: the others tell it so, as they would later (scenario R46).

What was promised stands where the registers' records stand later (register_storage.py), fenced alike, and is dropped in
the transaction that makes the group this node's.
"""

import logging
from collections.abc import Callable, Sequence
from hashlib import blake2b

import msgspec

from consensus.addressing import by_destination
from consensus.carrying_out import carry_out
from consensus.conf import NodeConfig
from consensus.paxos.messages import PaxosMessage
from consensus.paxos.node import PaxosConfig, PaxosNode
from consensus.paxos.quorum import Membership as Candidates
from consensus.paxos.register import Decree
from consensus.ports import Storage, StoredState, Transport
from consensus.raft.messages import Identity, Membership
from consensus.wire import FoundingMessages, encode

NAME = "group"
# Each candidate leaves those before it, by name, so long to propose: proposals that meet cost time.
STAGGER_MS = 300
MOST_ID = (1 << 52) - 1

logger = logging.getLogger(__name__)


class Beginning(msgspec.Struct, frozen=True, array_like=True):
    """What is decreed."""

    group_id: str
    membership: Membership


_decoder = msgspec.msgpack.Decoder(Beginning)


class Founding:
    """One life of a node that belongs to no group; `Admission` is the only caller."""

    def __init__(
        self,
        config: NodeConfig,
        identity: Identity,
        storage: Storage,
        stored: StoredState,
        transport: Transport,
        randint: Callable[[int, int], int],
        now_ms: int,
    ):
        self._config = config
        self._storage = storage
        self._stored = stored
        self._transport = transport
        self._randint = randint
        self.candidates = tuple(sorted(config.members))
        self._digest = blake2b(encode(self.candidates), digest_size=16).digest()
        self._met = {config.node: identity}
        self._differing: dict[str, tuple[str, ...]] = {}
        self._all_met_ms: int | None = None
        self._proposing = False
        self._chosen = False
        self._paxos: PaxosNode | None = None
        if stored.records:
            self._take_part(now_ms)

    @property
    def waits_for(self) -> str:
        """Why there is no group yet, for people."""
        if self._differing:
            differing = sorted(self._differing.items())
            named = "; ".join(f"{node} names {', '.join(theirs) or 'others'}" for node, theirs in differing)
            return f"{named}; this node {', '.join(self.candidates)}"
        missing = [node for node in self.candidates if node not in self._met]
        return f"a group is founded once {', '.join(missing)} can be heard" if missing else "a group is being founded"

    # --- what happens ------------------------------------------------------------------------------------------------
    def meet(self, source: str, identity: Identity, candidates: tuple[str, ...]) -> None:
        """``source``, which has no group either, says who it is and whom its settings name."""
        if candidates != self.candidates:
            self._met.pop(source, None)
            self._differ(source, candidates)
            return
        self._differing.pop(source, None)
        if source in self.candidates:
            self._met[source] = identity

    def _differ(self, source: str, candidates: tuple[str, ...]) -> None:
        if self._differing.get(source) != candidates:
            logger.error(
                "%s names %s as members, this node %s: no group", source, candidates or "others", self.candidates
            )
            self._differing[source] = candidates

    def receive(self, source: str, message: FoundingMessages, now_ms: int) -> None:
        if message.candidates != self._digest:
            # Its hello says whom it names.
            if source not in self._differing:
                self._differ(source, ())
            return
        if source in self.candidates:
            paxos = self._take_part(now_ms)
            for one in message.messages:
                paxos.step(source, one, now_ms)

    def tick(self, now_ms: int) -> None:
        if self._paxos is not None:
            self._paxos.tick(now_ms)
        if set(self._met) != set(self.candidates):
            self._all_met_ms = None
            return
        if self._all_met_ms is None:
            self._all_met_ms = now_ms + self.candidates.index(self._config.node) * STAGGER_MS
        if now_ms >= self._all_met_ms and not self._proposing and not self._chosen:
            self._propose(now_ms)

    def _propose(self, now_ms: int) -> None:
        self._proposing = True
        group_id = f"{self._randint(0, MOST_ID):013x}"
        beginning = Beginning(group_id, Membership(self.candidates, identities=dict(self._met)))
        self._take_part(now_ms).decide(0, NAME, encode(beginning), now_ms)

    def _take_part(self, now_ms: int) -> PaxosNode:
        if self._paxos is None:
            stored, node = self._stored, self._config.node
            self._paxos = PaxosNode(
                PaxosConfig(node, owner=f"{node}/{stored.incarnation}"),
                Candidates(0, self.candidates, unanimous=True),
                stored.registers,
                dict(stored.records),
                self._randint,
                now_ms,
            )
        return self._paxos

    # --- what is to be done ------------------------------------------------------------------------------------------
    def wait_ms(self, now_ms: int) -> int | None:
        """How long until the clock must be looked at; None: not before something happens."""
        wake_ms = self._paxos.wake_ms() if self._paxos is not None else None
        return None if wake_ms is None else max(0, wake_ms - now_ms)

    def settle(self, now_ms: int) -> Beginning | None:
        """Do all that follows from what has happened; what was decreed, once that is known."""
        paxos, beginning = self._paxos, None
        if paxos is None:
            return None
        wake_ms = paxos.wake_ms()
        if wake_ms is not None and wake_ms <= now_ms:
            paxos.tick(now_ms)
        while ready := paxos.ready():
            carry_out(paxos, ready, self._storage, self._send)
            self._proposing = self._proposing and not ready.results
            for _, stored in ready.learned:
                if isinstance(stored, Decree):
                    beginning, self._chosen = _decoder.decode(stored.value), True
        return beginning

    def _send(self, addressed: Sequence[tuple[str, PaxosMessage]]) -> None:
        for destination, messages in by_destination(addressed).items():
            self._transport.send(destination, [FoundingMessages(self._digest, tuple(messages))])
