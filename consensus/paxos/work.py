"""What can be asked of a node, and what comes of it: requests are folded, in order, into the value of one ballot."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from consensus.paxos.register import Change, Conflict, Decree, Register, Stored, changed, decode, encode


class Kind(StrEnum):
    """What became of one asking. "Certainly not" holds for earlier askings with the same request id, too, if those
    had ended (with `UNKNOWN`, or with their node), except for `UNAVAILABLE`, which says nothing about them."""

    DONE = "done"  # changed, read, decreed, carried over or erased
    CONFLICT = "conflict"  # certainly not changed: the register is not what the change requires
    REUSED = "reused"  # certainly not changed: the request id belongs to another change
    TOO_LARGE = "too large"  # certainly not changed
    WRONG_KIND = "wrong kind"  # certainly not changed: a decree was asked of a register, or the reverse
    UNAVAILABLE = "unavailable"  # certainly not changed: no majority in time
    UNKNOWN = "unknown"  # it may have been changed, or may yet be; ask again with the same request id


@dataclass(frozen=True, slots=True)
class Outcome:
    """``version`` and ``value`` are those after a change that was done; for a retry found by its id, the version it
    made then and the value of now. ``version`` is 0 and ``value`` None where there is none. ``names``: one page of
    `PaxosNode.list_registers`; ``more``: there are further pages.
    """

    kind: Kind
    version: int = 0
    value: bytes | None = None
    names: tuple[str, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """What is it now?"""


@dataclass(frozen=True, slots=True)
class CarryOver:
    """Choose again what is there, under the membership and the ballots of now."""


@dataclass(frozen=True, slots=True)
class EraseTombstone:
    """Have every member accept the tombstone, then forget the register."""


@dataclass(frozen=True, slots=True)
class Decide:
    """Single-decree: choose ``value`` unless another was chosen before."""

    value: bytes


Work = Change | Read | CarryOver | EraseTombstone | Decide


@dataclass(slots=True, eq=False)
class Asked:
    """One request. ``context`` is the asker's; None: the node asked itself. ``sent_version``: the register's version
    below the first accept that carried the change; None while none has, so that it certainly has no effect.
    """

    context: int | None
    work: Work
    deadline_ms: int
    sent_version: int | None = None


@dataclass(frozen=True, slots=True)
class Folded:
    """``value``: what to propose (b"" for nothing at all), made from a state of ``version``; ``applied[i]``: request i
    changes something by it."""

    value: bytes
    version: int
    outcomes: tuple[Outcome, ...]
    applied: tuple[bool, ...]


def fold(found: bytes, floor_version: int, batch: Iterable[Asked], max_value_bytes: int) -> Folded:
    """``found`` is the current state, b"" for none; a register without state goes on from ``floor_version``."""
    before: Stored | None = decode(found) if found else None
    now = before
    outcomes: list[Outcome] = []
    applied: list[bool] = []
    for asked in batch:
        after, outcome = _one(now, floor_version, asked, max_value_bytes)
        applied.append(after is not now)
        outcomes.append(outcome)
        now = after
    # What does not change is proposed byte for byte: it is the same value at a later ballot.
    value = found if now is before else encode(now) if now is not None else b""
    version = before.version if isinstance(before, Register) else floor_version
    return Folded(value, version, tuple(outcomes), tuple(applied))


def _one(
    stored: Stored | None, floor_version: int, asked: Asked, max_value_bytes: int
) -> tuple[Stored | None, Outcome]:
    match asked.work, stored:
        case Decide(value), None:
            return Decree(value), Outcome(Kind.DONE, 0, value)
        case Change() as change, None:
            return _change(None, Register(floor_version), change, asked.sent_version, max_value_bytes)
        case Change() as change, Register() as register:
            return _change(register, register, change, asked.sent_version, max_value_bytes)
        case (Change(), Decree()) | (Decide(), Register()):
            return stored, seen(stored, Kind.WRONG_KIND)
        case EraseTombstone(), (Decree() | Register()) if seen(stored, Kind.DONE).value is not None:
            return stored, seen(stored, Kind.CONFLICT)
        case _:
            return stored, seen(stored, Kind.DONE)


def seen(stored: Stored | None, kind: Kind) -> Outcome:
    """What is there, as an outcome of ``kind``."""
    match stored:
        case Decree(value):
            return Outcome(kind, 0, value)
        case Register():
            return Outcome(kind, stored.live_version, stored.value)
        case None:
            return Outcome(kind)


def _change(
    stored: Register | None, register: Register, change: Change, sent_version: int | None, max_value_bytes: int
) -> tuple[Register | None, Outcome]:
    recent = register.find(change.request_id)
    if recent is not None:
        if recent.fingerprint != change.fingerprint:
            return stored, seen(register, Kind.REUSED)
        return stored, Outcome(Kind.DONE, recent.version, register.value)
    if sent_version is not None and _may_be_forgotten(register, sent_version):
        return stored, Outcome(Kind.UNKNOWN)
    try:
        value = change.function(register)
    except Conflict:
        return stored, seen(register, Kind.CONFLICT)
    if value is not None and len(value) > max_value_bytes:
        return stored, seen(register, Kind.TOO_LARGE)
    after = changed(register, change, value)
    return after, Outcome(Kind.DONE, after.version, value)


def _may_be_forgotten(register: Register, sent_version: int) -> bool:
    """Whether a change first sent above ``sent_version`` may have been applied although its id is not known now:
    so many changes followed, or the register was erased and began anew."""
    oldest_known = register.recent[0].version if register.recent else register.version + 1
    return oldest_known > sent_version + 1
