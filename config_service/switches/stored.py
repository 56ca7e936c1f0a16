"""What the register of a switch holds: its value, and what has happened to it that the audit trail does not tell yet.

Who flipped it, when and why has to be as durable as the flip itself, without a leader. So it is chosen along with the
value, and stays in the register until the group's log has it (recording.py).
"""

import msgspec

from config_service.errors import Invalid
from consensus.origin import Origin
from consensus.requests import RegisterState

# Above it a value is not kept for the history; and so much of history is kept change by change.
KEPT_VALUE_BYTES = 512
KEPT_BYTES = 16 << 10
SEVERAL = "several"


class Flip(msgspec.Struct, frozen=True, array_like=True):
    """One change, or several that were folded into one (versions ``first`` to ``version``).

    ``value`` is JSON, "" for a deletion and None where it was too long to keep. ``at`` is ISO 8601.
    """

    version: int
    first: int
    value: str | None
    actor: str
    at: str
    comment: str
    origin: Origin


class Switch(msgspec.Struct, frozen=True, array_like=True):
    """``value`` is JSON, "" once it is deleted. ``flips``: oldest first. ``birth`` names this life of the register: a
    group that was restored from a snapshot knows what was recorded of another one, whose versions mean nothing here."""

    value: str
    created_version: int
    flips: tuple[Flip, ...]
    birth: str


class SwitchSnapshot(msgspec.Struct, frozen=True):
    """A switch as readers see it. One that is deleted has the `value_json` "" and the version of its deletion; once the
    audit trail knows of that, nobody's name is on it any more."""

    name: str
    version: int
    value_json: str
    created_version: int
    updated_at: str
    updated_by: str
    comment: str


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Switch)


def encode(switch: Switch) -> bytes:
    return _encoder.encode(switch)


def decode(data: bytes) -> Switch:
    """Raises `Invalid` for what this release cannot read."""
    try:
        return _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise Invalid(f"this release cannot read a switch: {error}") from error


def snapshot(name: str, version: int, data: bytes | None) -> SwitchSnapshot | None:
    """None where there is no switch (any more)."""
    found = latest(RegisterState(name, version, data))
    return found if found.value_json else None


def latest(state: RegisterState) -> SwitchSnapshot:
    """What is there, or that it is deleted."""
    if state.value is None:
        return SwitchSnapshot(state.name, state.version, "", 0, "", "", "")
    switch = decode(state.value)
    last = switch.flips[-1]
    return SwitchSnapshot(
        state.name, state.version, switch.value, switch.created_version, last.at, last.actor, last.comment
    )


def snapshot_of(state: RegisterState) -> SwitchSnapshot | None:
    return snapshot(state.name, state.version, state.value)


def with_flip(flips: tuple[Flip, ...], flip: Flip, recorded: int) -> tuple[Flip, ...]:
    """``flip`` follows. What is recorded up to ``recorded`` goes; of too much, the oldest are folded into one.

    So a switch can always be flipped, however long there is no leader, and nothing that happened goes unsaid.
    """
    kept = [one for one in flips if one.version > recorded]
    size = sum(map(_size, kept))
    while len(kept) > 1 and size > KEPT_BYTES:
        size -= _size(kept[0]) + _size(kept[1])
        kept[:2] = [_fold(kept[0], kept[1])]
        size += _size(kept[0])
    return (*kept, flip)


def _fold(older: Flip, newer: Flip) -> Flip:
    same = (older.actor, older.origin) == (newer.actor, newer.origin)
    actor, origin = (newer.actor, newer.origin) if same else (SEVERAL, Origin(newer.origin.channel))
    return Flip(newer.version, older.first, newer.value, actor, newer.at, newer.comment, origin)


def _size(flip: Flip) -> int:
    return 96 + len(flip.value or "") + len(flip.actor) + 4 * len(flip.comment)
