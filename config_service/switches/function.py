"""What a command makes of the register of a switch (`consensus.ports.RegisterFunction`). Called by any node's runtime,
for as many tries as it takes: it looks at nothing but what it is given."""

import msgspec

from config_service.errors import Invalid
from config_service.switches.stored import KEPT_VALUE_BYTES, Flip, Switch, decode, encode, with_flip
from consensus.origin import Origin
from consensus.paxos.register import Conflict, Register


class Condition(msgspec.Struct, frozen=True, array_like=True):
    """``version``: exactly this one; None: whatever it is."""

    version: int | None = None
    must_exist: bool = False
    must_not_exist: bool = False


class _Command(msgspec.Struct, frozen=True, array_like=True, tag_field="verb", forbid_unknown_fields=True):
    pass


class Set(_Command, frozen=True, tag="set"):
    """``value`` is JSON, "" to delete. ``recorded``: up to this version of the life
    ``recorded_birth`` the audit trail knows all. ``birth`` names the life that begins if there is none."""

    value: str
    condition: Condition
    actor: str
    at: str
    comment: str
    origin: Origin
    recorded: int
    recorded_birth: str
    birth: str


class Clear(_Command, frozen=True, tag="clear"):
    """A switch that was deleted at ``version``, of which the audit trail knows all, leaves nothing behind."""

    version: int


_commands = msgspec.msgpack.Decoder(Set | Clear)


def change(register: Register, command: bytes) -> bytes | None:
    """See `consensus.ports.RegisterFunction`."""
    try:
        asked = _commands.decode(command)
        before = decode(register.value) if register.value is not None else Switch("", 0, (), "")
    except (msgspec.DecodeError, Invalid) as error:
        # Of a newer release: what this one does not understand it must not replace.
        raise Conflict from error
    if isinstance(asked, Clear):
        if before.value or register.version != asked.version:
            raise Conflict
        return None
    return encode(_set(before, register.version, asked))


def _set(before: Switch, version: int, asked: Set) -> Switch:
    _require(asked.condition, version if before.value else 0)
    if not before.value and not asked.value:
        raise Conflict
    version += 1
    kept = asked.value if len(asked.value.encode()) <= KEPT_VALUE_BYTES else None
    flip = Flip(version, version, kept, asked.actor, asked.at, asked.comment, asked.origin)
    created = before.created_version if before.value else version
    recorded = asked.recorded if asked.recorded_birth == before.birth else 0
    return Switch(asked.value, created, with_flip(before.flips, flip, recorded), before.birth or asked.birth)


def _require(condition: Condition, version: int) -> None:
    if condition.version is not None and condition.version != version:
        raise Conflict
    if (condition.must_exist and not version) or (condition.must_not_exist and version):
        raise Conflict
