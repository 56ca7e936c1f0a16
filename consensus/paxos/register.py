"""What acceptors agree on: a decree, chosen once for all, or the state of a register, chosen ballot after ballot.

The state carries the last `RECENT_IDS` request ids with the versions they made. A change whose first outcome was
unknown and that is asked again finds its id and is not applied twice, for as long as fewer than `RECENT_IDS` later
changes came between and the register was not deleted *and* erased meanwhile.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

RECENT_IDS = 32


class Recent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A change that was applied: ``version`` is the one it made."""

    request_id: str
    version: int
    fingerprint: bytes


class Register(msgspec.Struct, frozen=True, array_like=True, tag="register"):
    """``value`` is None for the tombstone of a deleted register. ``recent``: oldest first."""

    version: int
    value: bytes | None = None
    recent: tuple[Recent, ...] = ()

    @property
    def live_version(self) -> int:
        """What a compare-and-set names: 0 where there is no value."""
        return 0 if self.value is None else self.version

    def find(self, request_id: str) -> Recent | None:
        return next((recent for recent in self.recent if recent.request_id == request_id), None)


class Decree(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="decree"):
    """A value that is chosen once, and never another."""

    value: bytes


Stored = Register | Decree
_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Stored] = msgspec.msgpack.Decoder(Stored)


def encode(stored: Stored) -> bytes:
    return _encoder.encode(stored)


def decode(data: bytes) -> Stored:
    return _decoder.decode(data)


class Conflict(Exception):
    """Raised by a change's function: the register is not what it requires. Nothing is changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """A function from what a register is to its next value; None deletes. It may be called several times.

    ``fingerprint`` (of what is asked) tells a retry from a different change that reuses the id.
    """

    request_id: str
    function: Callable[[Register], bytes | None]
    fingerprint: bytes = b""


def require(register: Register, expected_version: int | None) -> None:
    if expected_version is not None and expected_version != register.live_version:
        raise Conflict


def put(request_id: str, value: bytes, expected_version: int | None = None, fingerprint: bytes = b"") -> Change:
    """Set the value; with ``expected_version`` only if that is the version now (0: only if there is no value)."""

    def function(register: Register) -> bytes:
        require(register, expected_version)
        return value

    return Change(request_id, function, fingerprint)


def delete(request_id: str, expected_version: int | None = None, fingerprint: bytes = b"") -> Change:
    """Delete the value; a conflict where there is none."""

    def function(register: Register) -> None:
        require(register, expected_version)
        if register.value is None:
            raise Conflict

    return Change(request_id, function, fingerprint)


def changed(register: Register, change: Change, value: bytes | None) -> Register:
    """The state after ``change`` made ``value`` of it."""
    recent = Recent(change.request_id, register.version + 1, change.fingerprint)
    return Register(register.version + 1, value, (*register.recent, recent)[-RECENT_IDS:])
