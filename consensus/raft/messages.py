"""What nodes say to each other, and what they keep on disk. Field names follow figure 2 of the Raft paper.

Every message is immutable, carries its sender's ``term`` and encodes as a tagged msgpack array. The sender and the
receiver stand in the transport's frame, not here.
"""

from enum import IntEnum

import msgspec


class EntryKind(IntEnum):
    """What a log entry asks for."""

    NOOP = 0  # a new leader's first entry (P 8)
    COMMAND = 1  # for the product's state machine
    GROUP = 2  # for the group itself: node states
    MEMBERSHIP = 3  # who belongs to the group: an encoded `membership.Membership`
    VERIFY = 4  # changes nothing: every node takes a digest of its tables here


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One log entry. ``data`` is opaque to the algorithm."""

    index: int
    term: int
    kind: int
    data: bytes


class HardState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What must be durable before anything it promises leaves the node (P figure 2). ``vote`` is "" for none."""

    term: int = 0
    vote: str = ""


class Identity(msgspec.Struct, frozen=True, array_like=True):
    """Who a member is and where; opaque to the algorithm. ``incarnation`` names the database that made its promises."""

    incarnation: str
    address: str


class Membership(msgspec.Struct, frozen=True, array_like=True):
    """Who belongs to the group (P 6): the data of a MEMBERSHIP entry.

    ``outgoing`` are the voters before, in the joint phase only. ``promised``: learners that become voters when they
    have caught up. ``former`` belonged to the group once: a name is never used again. ``note`` is the caller's, about
    the change that led here. ``version`` counts the memberships before it: of two that were ever committed, the later
    one has the higher version, on every node, also where the log that they stood in is compacted.
    """

    voters: tuple[str, ...] = ()
    learners: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    identities: dict[str, Identity] = {}
    promised: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    note: bytes = b""
    version: int = 0

    @property
    def joint(self) -> bool:
        return bool(self.outgoing)

    @property
    def everybody(self) -> frozenset[str]:
        """Whoever gets the log."""
        return frozenset((*self.voters, *self.outgoing, *self.learners))

    def is_voter(self, node: str) -> bool:
        return node in self.voters or node in self.outgoing


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """What takes the place of the log up to ``index``, whose entry was of ``term`` (P 7)."""

    index: int = 0
    term: int = 0
    membership: Membership = Membership()


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="message"):
    """Base of all messages."""

    term: int


class VoteRequest(Message, frozen=True, array_like=True, gc=False, tag=1):
    """RequestVote (P 5.2). ``pre``: would you vote for me in ``term``? It changes nothing at the receiver (T 9.6).

    ``transfer``: the leader itself asked for this election, so its lease does not stand against it (T 4.2.3).
    """

    last_index: int
    last_term: int
    pre: bool = False
    transfer: bool = False


class VoteReply(Message, frozen=True, array_like=True, gc=False, tag=2):
    """``term`` is the request's term in a grant, the receiver's own in a refusal."""

    granted: bool
    pre: bool = False


class AppendRequest(Message, frozen=True, array_like=True, gc=False, tag=3):
    """AppendEntries (P 5.3); a heartbeat when ``entries`` is empty.

    ``round`` is the leader's latest read round; the reply echoes it (T 6.4). ``quiet``: sent only to pass the commit
    index on, so that acceptance needs no answer.
    """

    prev_index: int
    prev_term: int
    commit: int
    round: int
    entries: tuple[Entry, ...] = ()
    quiet: bool = False


class AppendReply(Message, frozen=True, array_like=True, gc=False, tag=4):
    """``success``: ``match`` is the last index known to agree with the leader's log.

    Otherwise ``prev_index`` is the refused one, and (``hint_index``, ``hint_term``) the highest entry that could agree,
    which lets the leader skip a whole term in one step (P 5.3, end).
    """

    success: bool
    match: int
    prev_index: int
    round: int
    hint_index: int = 0
    hint_term: int = 0


class TimeoutNow(Message, frozen=True, array_like=True, gc=False, tag=5):
    """The leader asks the receiver to start an election at once (T 3.10)."""


RaftMessage = VoteRequest | VoteReply | AppendRequest | AppendReply | TimeoutNow
