"""What travels besides Raft's own messages: proposals and reads on their way to the leader, reports, local requests.

Three vocabularies, each a tagged union:

* `PeerMessage`: between nodes, in authenticated frames (transport.py)
* `Request`: from a process of this node to its runtime (client.py, feed.py)
* `Answer`: back from the runtime
"""

import msgspec

from consensus.raft.messages import AppendReply, AppendRequest, TimeoutNow, VoteReply, VoteRequest

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
    """What a node tells the others about itself once a second, for people to look at. No rule rests on it."""

    role: str
    term: int
    leader: str
    commit_index: int
    applied_index: int
    web_url: str
    halted: str


class TransferForward(Wire, frozen=True, array_like=True, gc=False, tag=15):
    """A transfer asked for at a node that does not lead."""

    to: str


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


Request = ProposeRequest | ReadRequest | WaitRequest | TransferRequest


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
requests_decoder = msgspec.msgpack.Decoder(list[Request])
answers_decoder = msgspec.msgpack.Decoder(list[Answer])


def is_proposal(data: bytes) -> bool:
    """Whether ``data`` can be read as a `Proposal` of a known version."""
    try:
        return proposal_decoder.decode(data).version == PROPOSAL_VERSION
    except msgspec.DecodeError:
        return False
