"""What a process of a node asks its runtime (client.py, inbox.py), and what it is answered (feed.py).

`Request` is all that can be asked, a tagged union. Its tags are never those of a `wire.PeerMessage`.
"""

import msgspec

from consensus.load import Load
from consensus.wire import ChangeNote, Wire


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


# Asked twice, these are done once: by their request id, or because they change nothing.
REPEATABLE = (
    ProposeRequest,
    ReadRequest,
    WaitRequest,
    RegisterRequest,
    RegisterNamesRequest,
    RegisterNewsRequest,
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
    """``status``: "ok" or the name of what went wrong (`errors.from_status`). ``index`` and ``result`` as asked for."""

    token: int
    status: str
    index: int = 0
    result: bytes = b""


requests_decoder = msgspec.msgpack.Decoder(list[Request])
answers_decoder = msgspec.msgpack.Decoder(list[Answer])
register_outcome_decoder = msgspec.msgpack.Decoder(RegisterOutcome)
register_names_decoder = msgspec.msgpack.Decoder(RegisterNames)
register_news_decoder = msgspec.msgpack.Decoder(RegisterNews)
