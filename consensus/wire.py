"""What travels besides Raft's own messages: proposals and reads on their way to the leader, reports, local requests.

Three vocabularies, each a tagged union:

* `PeerMessage`: between nodes, in authenticated frames (transport.py)
* `Request`: from a process of this node to its runtime (client.py, feed.py)
* `Answer`: back from the runtime
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
    ``membership`` has no voters where no group is known.
    """

    membership: Membership
    epoch: int
    term: int
    leader_term: int
    match: int
    leader: str


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
)


class LocalRequest(Wire, frozen=True, array_like=True, gc=False):
    """``reply_to`` names the asking process's answer list, ``token`` the call in it; the deadline is relative."""

    reply_to: str
    token: int
    deadline_ms: int


class ProposeRequest(LocalRequest, frozen=True, array_like=True, gc=False, tag=20):
    request_id: str
    kind: int
    data: bytes


class ReadRequest(LocalRequest, frozen=True, array_like=True, gc=False, tag=21):
    pass


class WaitRequest(LocalRequest, frozen=True, array_like=True, gc=False, tag=22):
    index: int


class TransferRequest(LocalRequest, frozen=True, array_like=True, gc=False, tag=23):
    """Hand leadership to ``to`` ("": whoever is best). Answered once another node leads."""

    to: str


class ChangeRequest(LocalRequest, frozen=True, array_like=True, gc=False, tag=24):
    """Change the membership (`Change`).

    Answered with the index of the change's first step, or "refused" and the reason.
    """

    note: ChangeNote


class RebuildRequest(LocalRequest, frozen=True, array_like=True, gc=False, tag=25):
    """Replace this node's tables by an image of the leader's. Answered at once; the status tells how it goes on."""


class LoadNote(LocalRequest, frozen=True, array_like=True, gc=False, tag=26):
    """What the process ``reply_to`` has to do. Not answered."""

    load: Load


class RestoreRequest(LocalRequest, frozen=True, array_like=True, gc=False, tag=27):
    """A piece of a snapshot that is to become the state of this group (restore.py): ``digest`` and ``size`` are those
    of the whole image, of ``index``. The log begins after ``above`` then."""

    index: int
    above: int
    size: int
    digest: bytes
    offset: int
    data: bytes


class RegisterRequest(LocalRequest, frozen=True, array_like=True, gc=False, tag=50):
    """Change a register by ``command``, which the registers' function understands; without one, read it.

    Answered with a `RegisterOutcome`. ``fingerprint`` tells a retry from a request id used for something else.
    """

    name: str
    request_id: str
    fingerprint: bytes
    command: bytes


class RegisterNamesRequest(LocalRequest, frozen=True, array_like=True, gc=False, tag=51):
    """A page of the names after ``after`` that a quorum knows. Answered with `RegisterNames`."""

    after: str


class RegisterNewsRequest(LocalRequest, frozen=True, array_like=True, gc=False, tag=52):
    """What this node has learned after ``position`` of its ``life``; waits for it. Answered with `RegisterNews`."""

    life: int
    position: int


Request = (
    ProposeRequest
    | ReadRequest
    | WaitRequest
    | TransferRequest
    | ChangeRequest
    | RebuildRequest
    | RestoreRequest
    | LoadNote
    | RegisterRequest
    | RegisterNamesRequest
    | RegisterNewsRequest
)


class RegisterOutcome(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``kind`` is a `paxos.work.Kind`: done, conflict or too large. ``version`` is 0 where there is no value; after a
    change that was done, the one that it made."""

    kind: str
    version: int
    value: bytes | None


class RegisterNames(msgspec.Struct, frozen=True, array_like=True, gc=False):
    names: tuple[str, ...]
    more: bool


class RegisterState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A register as a node knows it. ``value`` None: it was deleted at ``version``."""

    name: str
    version: int
    value: bytes | None


class RegisterNews(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``whole``: this begins anew, what was told before is void. ``more``: there is more after ``position``."""

    life: int
    position: int
    whole: bool
    more: bool
    registers: tuple[RegisterState, ...]


class Answer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``status``: "ok" or the name of what went wrong (see `client._ERRORS`). ``index`` and ``result`` as asked for."""

    token: int
    status: str
    index: int = 0
    result: bytes = b""


encoder = msgspec.msgpack.Encoder()
encode = encoder.encode
proposal_decoder = msgspec.msgpack.Decoder(Proposal)
peer_messages_decoder = msgspec.msgpack.Decoder(tuple[PeerMessage, ...])
change_note_decoder = msgspec.msgpack.Decoder(ChangeNote)
requests_decoder = msgspec.msgpack.Decoder(list[Request])
answers_decoder = msgspec.msgpack.Decoder(list[Answer])
register_outcome_decoder = msgspec.msgpack.Decoder(RegisterOutcome)
register_names_decoder = msgspec.msgpack.Decoder(RegisterNames)
register_news_decoder = msgspec.msgpack.Decoder(RegisterNews)


def read_proposal(data: bytes) -> Proposal | None:
    """None: it cannot be read, or is of a version that this release does not know."""
    try:
        proposal = proposal_decoder.decode(data)
    except msgspec.DecodeError:
        return None
    return proposal if proposal.version == PROPOSAL_VERSION else None
