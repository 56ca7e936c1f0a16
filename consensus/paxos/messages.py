"""What nodes say to each other, and what an acceptor keeps on disk.

Every message names its register and the ballot it belongs to, is immutable and encodes as a tagged msgpack array. The
sender and the receiver stand in the transport's frame, not here. Answers repeat the ballot of the question; ballots
are never used twice, so an answer to an older question, or to an earlier life, is known as such.
"""

import msgspec

from consensus.paxos.ballot import ZERO, Ballot


class HardState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a node keeps on disk once. It is durable before anything that rests on it leaves the node.

    ``reserved``: rounds up to here may have been used (`ballot.Ballots`). ``floor``: what a register without a record
    has promised. ``floor_version``: no register without a record ever had a higher version. ``membership``: the newest
    membership seen in a request; older ones are refused.
    """

    reserved: int = 0
    floor: Ballot = ZERO
    floor_version: int = 0
    membership: int = 0


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an acceptor keeps on disk per register: three separate fields (scenario Q03)."""

    promised: Ballot = ZERO
    accepted: Ballot = ZERO
    value: bytes = b""


class Message(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="message"):
    """Base of all messages."""

    name: str
    ballot: Ballot


class Request(Message, frozen=True, array_like=True, gc=False):
    """A question to acceptors, asked under the membership of its ballot."""


class Prepare(Request, frozen=True, array_like=True, gc=False, tag=1):
    """Phase 1a: promise me ``ballot``."""


class Promise(Message, frozen=True, array_like=True, gc=False, tag=2):
    """Phase 1b: promised; this is what was accepted at the highest ballot (`ZERO` for nothing)."""

    accepted: Ballot
    value: bytes
    floor_version: int


class Accept(Request, frozen=True, array_like=True, gc=False, tag=3):
    """Phase 2a. ``next``: a later ballot of the same proposer; to accept is to promise it, too (C 2.2.1)."""

    value: bytes
    next: Ballot = ZERO


class Accepted(Message, frozen=True, array_like=True, gc=False, tag=4):
    """Phase 2b."""


class Refusal(Message, frozen=True, array_like=True, gc=False, tag=5):
    """No to a request: ``promised`` is the ballot, ``membership`` the version that stands against it."""

    promised: Ballot
    membership: int


class Query(Request, frozen=True, array_like=True, gc=False, tag=6):
    """What have you accepted? Promises nothing; ``ballot`` is only a number that is never used twice."""


class QueryReply(Message, frozen=True, array_like=True, gc=False, tag=7):
    accepted: Ballot
    value: bytes


class Erase(Request, frozen=True, array_like=True, gc=False, tag=8):
    """Every member has accepted the tombstone of ``version`` at ``ballot``: forget the register (scenario Q07)."""

    version: int


class ListNames(Request, frozen=True, array_like=True, gc=False, tag=9):
    """Which registers after ``name`` have you accepted anything for? At most ``limit`` of them. No register that was
    erased had a version above ``floor_version``, as far as the sender knows; the acceptor takes that up."""

    limit: int
    floor_version: int


class Names(Message, frozen=True, array_like=True, gc=False, tag=10):
    names: tuple[str, ...]
    more: bool
    floor_version: int


class Chosen(Message, frozen=True, array_like=True, gc=False, tag=11):
    """For learners: ``value`` was chosen at ``ballot``. Repeated until `Heard`."""

    value: bytes


class Heard(Message, frozen=True, array_like=True, gc=False, tag=12):
    """``floor`` above `ZERO`: not taken, because a register that is unknown here may have been erased since."""

    floor: Ballot = ZERO


class Pull(Message, frozen=True, array_like=True, gc=False, tag=13):
    """The sender has just started: tell it all that was chosen. Repeated until `Pulled`."""


class Pulled(Message, frozen=True, array_like=True, gc=False, tag=14):
    pass


Reply = Promise | Accepted | Refusal | QueryReply | Names
AcceptorRequest = Prepare | Accept | Query | Erase | ListNames
PaxosMessage = AcceptorRequest | Reply | Chosen | Heard | Pull | Pulled
