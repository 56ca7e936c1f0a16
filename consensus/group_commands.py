"""What can be asked of the group itself, and what it answers: the content of GROUP log entries, and of VERIFY ones."""

import msgspec

from consensus.fingerprints import fingerprint
from consensus.origin import UNKNOWN, Origin
from consensus.wire import PROPOSAL_VERSION, Proposal, encode

ACTIVE, DRAINING, DRAINED = "active", "draining", "drained"
# Not a state that is asked for: that of a node whose tables differ from those of the others (verification.py).
DIVERGED = "diverged"
# The content of a VERIFY entry: its version.
VERIFY_MARK = b"\x01"
# The first version of commands with which nodes know VERIFY entries.
VERIFY_SINCE = 2


class SetNodeState(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Bring ``node`` to ``state`` if it is in one of ``when`` now. In the target state already: nothing to do.

    ``at`` and ``origin``, of version 2, are for the record; a node that does something by itself leaves them empty.
    """

    node: str
    state: str
    when: tuple[str, ...]
    actor: str
    version: int = 1
    at: str = ""
    origin: Origin = UNKNOWN


class GroupResult(msgspec.Struct, frozen=True, array_like=True):
    """``refused`` says why nothing was changed; "" if the node is in ``state`` now."""

    state: str
    refused: str = ""


command_decoder = msgspec.msgpack.Decoder(SetNodeState)
_result_decoder = msgspec.msgpack.Decoder(GroupResult)


def encode_group_command(request_id: str, command: SetNodeState) -> bytes:
    """The data of a GROUP log entry."""
    payload = encode(command)
    return encode(Proposal(PROPOSAL_VERSION, request_id, fingerprint(payload), payload))


def decode_group_result(result: bytes) -> GroupResult:
    return _result_decoder.decode(result)
