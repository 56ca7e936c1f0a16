"""The chain: each record's digest covers all of its fields and the digest of the record before.

Who changes, removes or slips in a row would have to write every later digest anew, on every node of the group.
"""

import json
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from config_service.envelope import Target

FORMAT = 1
DIGEST_BYTES = 32
# What stands before the first record.
ORIGIN_DIGEST = bytes(DIGEST_BYTES)

_encode = msgspec.msgpack.Encoder().encode
_to_json = msgspec.json.Encoder().encode


class Link(NamedTuple):
    """The end of a piece of the chain, which the next record follows."""

    revision: int
    position: int
    digest: bytes


ORIGIN = Link(0, 0, ORIGIN_DIGEST)


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


class Record(NamedTuple):
    """A record as it is found, in a table or in a file: its digest is to be checked."""

    content: Content
    digest: bytes

    @property
    def link(self) -> Link:
        return Link(self.content.revision, self.content.position, self.digest)

    @classmethod
    def found(cls, targets: Any, previous: bytes, digest: bytes, **fields: Any) -> "Record":
        """``targets`` as JSON values: how they were written is made out again."""
        return cls(Content(targets=_written(targets), previous=bytes(previous), **fields), bytes(digest))


def _written(targets: Any) -> str:
    try:
        return _to_json(msgspec.convert(targets, tuple[Target, ...])).decode()
    except msgspec.ValidationError:
        return json.dumps(targets)
