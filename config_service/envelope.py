"""How a command travels: what was asked, by whom, and when, with the version of the format.

The state machine may look at no clock, so the proposer's time rides along. Unknown fields are refused rather than
ignored: a node that does not understand all of a command must stop, not apply half of it.
"""

from hashlib import blake2b
from typing import Any

import msgspec

VERSION = 1


class CommandBase(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, tag_field="verb"):
    """Base of every command. Subclasses carry a tag that names the app and the verb, such as ``entries.put``."""


class Envelope(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """``at`` is ISO 8601 UTC with microseconds and a Z, and is shown to readers exactly as it stands here."""

    version: int
    actor: str
    at: str
    command: Any


class Refusal(msgspec.Struct, frozen=True, array_like=True, tag_field="outcome", tag="refused"):
    """The command broke a rule of the product and changed nothing."""

    code: str
    detail: str
    current_revision: int = 0


class Done(msgspec.Struct, frozen=True, array_like=True, tag_field="outcome", tag="done"):
    """The command was applied at ``revision``. What more there is to tell depends on the command."""

    revision: int
    created: bool = False
    created_revision: int = 0
    version: int = 0
    type: str = ""
    at: str = ""


_encoder = msgspec.msgpack.Encoder()
_results = msgspec.msgpack.Decoder(Done | Refusal)


def encode(command: CommandBase, actor: str, at: str) -> bytes:
    return _encoder.encode(Envelope(VERSION, actor, at, command))


def fingerprint(command: CommandBase, actor: str) -> bytes:
    """What makes two proposals the same request: everything but the time, which differs in a retry."""
    return blake2b(_encoder.encode((VERSION, actor, command)), digest_size=16).digest()


def encode_result(result: Done | Refusal) -> bytes:
    return _encoder.encode(result)


def decode_result(data: bytes) -> Done | Refusal:
    return _results.decode(data)
