"""The chain: each record's digest covers all of its fields and the digest of the record before.

Who changes, removes or slips in a row would have to write every later digest anew, on every node of the group.
"""

from hashlib import blake2b
from typing import NamedTuple

import msgspec

FORMAT = 1
DIGEST_BYTES = 32
# What stands before the first record.
ORIGIN_DIGEST = bytes(DIGEST_BYTES)

_encode = msgspec.msgpack.Encoder().encode


class Content(NamedTuple):
    """A record without its digest. ``targets`` is the JSON text of its targets, as `msgspec` writes it."""

    revision: int
    position: int
    at: str
    actor: str
    channel: str
    address: str
    token: str
    request_id: str
    action: str
    targets: str
    previous: bytes


def digest(content: Content) -> bytes:
    """BLAKE2b over the canonical encoding: one msgpack array, its fields in the order that they are declared in."""
    return blake2b(_encode((FORMAT, *content)), digest_size=DIGEST_BYTES).digest()
