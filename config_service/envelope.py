"""How a command travels: what was asked, by whom, from where and when, with the version of the format.

The state machine may look at no clock, so the proposer's time rides along. Unknown fields are refused rather than
ignored: a node that does not understand all of a command must stop, not apply half of it.

Version 2 added the origin, and leaves an audit record. This release reads both and writes the one that the setting
``COMMAND_VERSION`` names, so that a group can be upgraded node by node: version 1 until all nodes run this release.
"""

from hashlib import blake2b
from typing import Any

import msgspec

from consensus.origin import UNKNOWN, Origin

VERSION = 2
READABLE_VERSIONS = (1, 2)
# Part of every fingerprint, so it stays: a retry through a node of the next release is still the same request.
_FINGERPRINT_VERSION = 1


class Target(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing that a command has changed, or a secret that it told of. Never holds a value."""

    kind: str
    namespace: str = ""
    key: str = ""
    name: str = ""
    id: str = ""
    detail: str = ""


class CommandBase(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag_field="verb"):
    """Base of every command. Subclasses carry a tag that names the app and the verb, such as ``entries.put``."""

    def touches(self, done: Any) -> tuple[Target, ...]:
        """What this command has changed, given its own result: nothing, and it leaves no audit record."""
        raise NotImplementedError


class Envelope(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """``at`` is ISO 8601 UTC with microseconds and a Z, and is shown to readers exactly as it stands here."""

    version: int
    actor: str
    at: str
    command: Any
    origin: Origin = UNKNOWN


class Refusal(msgspec.Struct, frozen=True, array_like=True, tag_field="outcome", tag="refused"):
    """The command broke a rule of the product and changed nothing. ``current_revision`` is the one that its ``code``
    speaks of: of the entry, of the group, or the oldest that history reaches. ``reasons`` are the value's faults."""

    code: str
    detail: str
    current_revision: int = 0
    reasons: tuple[str, ...] = ()

    def at(self, place: str) -> "Refusal":
        """The same, saying where in the command."""
        reasons = tuple(f"{place}: {reason}" for reason in self.reasons)
        return Refusal(self.code, f"{place}: {self.detail}", self.current_revision, reasons)


class OperationDone(msgspec.Struct, frozen=True, array_like=True):
    """What one operation of a transaction did."""

    operation: str
    namespace: str
    key: str
    created: bool = False
    created_revision: int = 0
    version: int = 0
    type: str = ""
    expires_at: str = ""
    deleted: bool = False


class Done(msgspec.Struct, frozen=True, array_like=True, tag_field="outcome", tag="done"):
    """The command was applied at ``revision``. What more there is to tell depends on the command."""

    revision: int
    created: bool = False
    created_revision: int = 0
    version: int = 0
    type: str = ""
    at: str = ""
    changed: int = 0
    expires_at: str = ""
    succeeded: bool = True
    results: tuple[OperationDone, ...] = ()
    counts: tuple[int, ...] = ()


_encoder = msgspec.msgpack.Encoder()
_results = msgspec.msgpack.Decoder(Done | Refusal)


def encode(command: CommandBase, actor: str, at: str, origin: Origin = UNKNOWN, version: int = VERSION) -> bytes:
    """``version`` 1 leaves the origin out."""
    if version == 1:
        return _encoder.encode((version, actor, at, command))
    return _encoder.encode(Envelope(version, actor, at, command, origin))


def fingerprint(command: CommandBase, actor: str) -> bytes:
    """What makes two proposals the same request: everything but time and origin, which may differ in a retry."""
    return blake2b(_encoder.encode((_FINGERPRINT_VERSION, actor, command)), digest_size=16).digest()


def encode_result(result: Done | Refusal) -> bytes:
    return _encoder.encode(result)


def decode_result(data: bytes) -> Done | Refusal:
    return _results.decode(data)
