"""The edits of a change set, as they travel and as they are stored; and the digest that approvals are bound to."""

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

PUT, DELETE = "put", "delete"
_DIGEST_VERSION = 1


class Edit(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Put or delete one entry, provided that it is still at ``base_revision`` (0: there is none).

    ``value_json`` of a secret is sealed. ``ttl_s`` counts from publishing; ``expires_at`` is "" for never.
    """

    operation: str
    namespace: str
    key: str
    base_revision: int
    value_json: str = ""
    type: str = ""
    comment: str = ""
    ttl_s: int = 0
    expires_at: str = ""

    @property
    def place(self) -> tuple[str, str]:
        return self.namespace, self.key


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(tuple[Edit, ...])


def to_text(edits: Sequence[Edit]) -> str:
    return _encoder.encode(edits).decode()


def from_text(text: str) -> tuple[Edit, ...]:
    return _decoder.decode(text)


def digest(edits: Sequence[Edit]) -> str:
    """Of all that an edit does and of what it is based on. Field by field, so that a field that a later release adds
    does not change what was approved before."""
    told = [
        (e.operation, e.namespace, e.key, e.base_revision, e.value_json, e.type, e.comment, e.ttl_s, e.expires_at)
        for e in edits
    ]
    return blake2b(msgspec.msgpack.encode((_DIGEST_VERSION, told)), digest_size=16).hexdigest()


def namespaces_of(edits: Sequence[Edit]) -> list[str]:
    return sorted({edit.namespace for edit in edits})
