"""What travels between nodes besides Raft's own messages: proposals and reads on their way to the leader, reports,
pieces of images. `PeerMessage` is all of it, a tagged union that goes in authenticated frames (transport.py).

What the processes of one node say to each other is in requests.py.
"""

from enum import StrEnum

import msgspec

from consensus.load import Load
from consensus.origin import UNKNOWN, Origin
from consensus.paxos.messages import PaxosMessage
from consensus.raft.messages import (
    AppendReply,
    AppendRequest,
    Identity,
    Membership,
    Snapshot,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)

PROPOSAL_VERSION = 1


class Proposal(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The data of a COMMAND or GROUP log entry.

    ``fingerprint`` tells a retry (the same) from a request id used for something else; ``payload`` is the command.
    """

    version: int
    request_id: str
    fingerprint: bytes
    payload: bytes


class Wire(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="message"):
    """Base of what is tagged."""


class Forwarded(msgspec.Struct, frozen=True, array_like=True, gc=False):
    request_id: str
    kind: int
    data: bytes


class ProposeForward(Wire, frozen=True, array_like=True, gc=False, tag=10):
    """Proposals from a node that does not lead, for the one that does."""

    proposals: tuple[Forwarded, ...]


class ProposeRefused(Wire, frozen=True, array_like=True, gc=False, tag=11):
    """These were certainly not appended; ``reason`` as in `raft.node.ProposalRefused`."""

    request_ids: tuple[str, ...]
    reason: str


class ReadForward(Wire, frozen=True, array_like=True, gc=False, tag=12):
    context: int


class ReadAnswer(Wire, frozen=True, array_like=True, gc=False, tag=13):
    """``index`` None: the receiver does not lead (any more)."""

    context: int
    index: int | None


class Report(Wire, frozen=True, array_like=True, gc=False, tag=14):
    """What a node tells the others about itself once a second, for people to look at. No rule rests on it.

    ``registers`` stands for all registers that it knows, so that who missed something notices.
    """

    role: str
    term: int
    leader: str
    commit_index: int
    applied_index: int
    web_url: str
    halted: str
    # How long it has led, 0 if it does not lead; and what its processes have to do.
    leading_ms: int = 0
    load: Load | None = None
    diverged: bool = False
    registers: int = 0


class TransferForward(Wire, frozen=True, array_like=True, gc=False, tag=15):
    """A transfer asked for at a node that does not lead."""

    to: str


class Hello(Wire, frozen=True, array_like=True, gc=False, tag=16):
    """Who the sender is, said at the start of each of its lives, and until it belongs to a group (admission.py).

    ``founders`` are the nodes that its settings name; ``waiting``: it asks for an answer.
    """

    identity: Identity
    founders: tuple[str, ...]
    founded: bool
    web_url: str
    waiting: bool


class HelloAnswer(Wire, frozen=True, array_like=True, gc=False, tag=17):
    """What the answering node knows of the one that said hello, by which that one notices that its storage went back.

    ``epoch`` and ``term`` are the highest ever seen from it; ``match`` is how much log it has acknowledged in
    ``leader_term`` to this node as a leader (0: nothing). ``leader`` is whom the answering node follows now.
    ``membership`` and ``group_id`` tell what was decreed to whoever does not know (founding.py).
    """

    membership: Membership
    epoch: int
    term: int
    leader_term: int
    match: int
    leader: str
    group_id: str = ""


class Change(StrEnum):
    """How the membership can be changed. ``ADD``: as a learner that becomes a voter once it has caught up."""

    ADD = "add"
    ADD_LEARNER = "add_learner"
    PROMOTE = "promote"
    REMOVE = "remove"
    ADDRESS = "address"


class ChangeNote(msgspec.Struct, frozen=True, array_like=True):
    """What is asked of the membership, by whom, from where and when; it stays in the log with the new membership.

    ``at`` is the asker's time, "" where a node does it by itself.
    """

    change: Change
    node: str
    actor: str
    at: str = ""
    origin: Origin = UNKNOWN


class SnapshotChunk(Wire, frozen=True, array_like=True, gc=False, tag=18):
    """A piece of an image of the replicated tables. ``digest`` (of the whole, ``size`` bytes) names the image."""

    snapshot: Snapshot
    size: int
    digest: bytes
    offset: int
    data: bytes


class SnapshotAck(Wire, frozen=True, array_like=True, gc=False, tag=19):
    """``offset`` is the next byte wanted. ``done``: installed, or not needed."""

    digest: bytes
    offset: int
    done: bool


class SnapshotRequest(Wire, frozen=True, array_like=True, gc=False, tag=30):
    """A node whose tables are to be rebuilt asks the leader for an image, whatever its log holds."""


class ChangeForward(Wire, frozen=True, array_like=True, gc=False, tag=31):
    """A change of the membership asked for at a node that does not lead."""

    context: int
    note: ChangeNote


class ChangeAnswer(Wire, frozen=True, array_like=True, gc=False, tag=32):
    """``index`` of the change's first step, or why it was refused."""

    context: int
    index: int
    refused: str


class TableDigest(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Of one replicated table: the same wherever its rows are the same."""

    name: str
    digest: bytes


class TablesDigest(Wire, frozen=True, array_like=True, gc=False, tag=40):
    """What a node's replicated tables were when it had applied up to ``index`` (verification.py).

    ``layout`` is the same on nodes with the same tables and columns.
    """

    index: int
    layout: bytes
    tables: tuple[TableDigest, ...]


class RegisterMessages(Wire, frozen=True, array_like=True, gc=False, tag=41):
    """What one turn of a node has to say about registers (registers.py)."""

    messages: tuple[PaxosMessage, ...]


class FoundingMessages(Wire, frozen=True, array_like=True, gc=False, tag=42):
    """What one turn of a node without a group has to say about the decree that founds one (founding.py).

    ``candidates`` is a digest of the nodes that its settings name.
    """

    candidates: bytes
    messages: tuple[PaxosMessage, ...]


PeerMessage = (
    VoteRequest
    | VoteReply
    | AppendRequest
    | AppendReply
    | TimeoutNow
    | ProposeForward
    | ProposeRefused
    | ReadForward
    | ReadAnswer
    | Report
    | TransferForward
    | Hello
    | HelloAnswer
    | SnapshotChunk
    | SnapshotAck
    | SnapshotRequest
    | ChangeForward
    | ChangeAnswer
    | TablesDigest
    | RegisterMessages
    | FoundingMessages
)


encoder = msgspec.msgpack.Encoder()
encode = encoder.encode
proposal_decoder = msgspec.msgpack.Decoder(Proposal)
peer_messages_decoder = msgspec.msgpack.Decoder(tuple[PeerMessage, ...])
change_note_decoder = msgspec.msgpack.Decoder(ChangeNote)


def read_proposal(data: bytes) -> Proposal | None:
    """None: it cannot be read, or is of a version that this release does not know."""
    try:
        proposal = proposal_decoder.decode(data)
    except msgspec.DecodeError:
        return None
    return proposal if proposal.version == PROPOSAL_VERSION else None
