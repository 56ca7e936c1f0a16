"""Reading and changing switches. No leader is needed: any node that reaches a majority can.

Who may do it is decided before, by the accounts as this node has applied them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from uuid import uuid4

import msgspec

from config_service.entries.validation import canonical, check_text
from config_service.errors import Invalid, NotFound, PreconditionFailed, TooLarge
from config_service.switches import selectors
from config_service.switches.function import Clear, Condition, Set
from config_service.switches.stored import Switch, SwitchSnapshot, decode, latest, snapshot
from config_service.switches.validation import MAX_COMMENT_LENGTH, MAX_VALUE_BYTES, check_name
from consensus import client as consensus_client
from consensus import origin
from consensus.paxos.work import Kind
from consensus.requests import RegisterOutcome, RegisterState
from consensus.services import now

READ_AT_ONCE = 100

_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Written:
    switch: SwitchSnapshot
    created: bool


def put_switch(
    actor: str,
    name: str,
    value: object,
    comment: str = "",
    condition: Condition = Condition(),  # noqa: B008  (immutable)
    request_id: str = "",
) -> Written:
    """Raises `ProductError` and what `consensus.client.Client.change_register` raises."""
    check_name(name)
    text = canonical(value)
    if (size := len(text.encode())) > MAX_VALUE_BYTES:
        raise TooLarge.field("value", f"a switch has at most {MAX_VALUE_BYTES} bytes, this one {size}")
    check_text("comment", comment, MAX_COMMENT_LENGTH)
    outcome = _change(name, text, actor, comment, condition, request_id)
    written = snapshot(name, outcome.version, outcome.value)
    if written is None:
        # A retry: done when it was first asked, and deleted by somebody since.
        return Written(SwitchSnapshot(name, outcome.version, text, outcome.version, "", actor, comment), False)
    return Written(written, written.created_version == written.version)


def delete_switch(
    actor: str,
    name: str,
    comment: str = "",
    condition: Condition = Condition(),  # noqa: B008
    request_id: str = "",
) -> int:
    """Returns the version of the deletion. Raises as `put_switch` does, and `NotFound`."""
    check_name(name)
    check_text("comment", comment, MAX_COMMENT_LENGTH)
    return _change(name, "", actor, comment, condition, request_id).version


def _change(name: str, value: str, actor: str, comment: str, condition: Condition, request_id: str) -> RegisterOutcome:
    birth, recorded = selectors.last_recorded(name)
    request_id = request_id or uuid4().hex
    command = Set(value, condition, actor, now(), comment, origin.current(), recorded, birth, request_id)
    # A retry is the same request although it is asked at another time, from elsewhere.
    same = blake2b(_encode((value, condition, actor, comment)), digest_size=16).digest()
    outcome = consensus_client.get_client().change_register(name, _encode(command), request_id, same)
    match outcome.kind:
        case Kind.DONE:
            return outcome
        case Kind.CONFLICT:
            raise _refusal(name, value, condition, outcome)
    raise Invalid(f"{name} cannot be changed: {outcome.kind}")


def _refusal(name: str, value: str, condition: Condition, outcome: RegisterOutcome) -> Exception:
    current = snapshot(name, outcome.version, outcome.value)
    version = current.version if current else 0
    if not value and not version and condition == Condition():
        return NotFound(f"there is no switch {name!r}")
    if condition.must_not_exist:
        detail = f"there is a switch {name!r} already"
    elif not version:
        detail = f"there is no switch {name!r}"
    else:
        detail = f"{name} is at version {version}"
    return PreconditionFailed(detail, version)


def read_switch(name: str) -> SwitchSnapshot:
    """Linearizable. Raises `NotFound`, and what `consensus.client.Client.read_register` raises."""
    found = _read(name)
    switch = snapshot(name, found.version, found.value)
    if switch is None:
        raise NotFound(f"there is no switch {name!r}")
    return switch


def read_register(name: str) -> tuple[int, Switch | None]:
    """The version and all that the register holds, linearizable."""
    found = _read(name)
    return found.version, decode(found.value) if found.value is not None else None


def _read(name: str) -> RegisterOutcome:
    return consensus_client.get_client().read_register(check_name(name))


def read_switches(after: str, limit: int) -> tuple[list[SwitchSnapshot], str | None]:
    """A page of switches, names in order, each of them linearizable on its own; and where the next page begins."""
    client = consensus_client.get_client()
    found: list[SwitchSnapshot] = []
    more = True
    while more and len(found) < limit:
        page = client.register_names(after)
        names = page.names[: limit - len(found)]
        for name, outcome in zip(names, client.read_registers(names), strict=True):
            if (switch := snapshot(name, outcome.version, outcome.value)) is not None:
                found.append(switch)
        more = page.more or len(names) < len(page.names)
        after = names[-1] if names else after
    return found, after if more else None


def vanished(seen: Mapping[str, int]) -> list[SwitchSnapshot]:
    """Which of the switches that somebody has seen, at which version, are deleted: linearizable, for what this node has
    forgotten or does not know yet. Raises what `consensus.client.Client.read_register` raises."""
    client = consensus_client.get_client()
    names, found = list(seen), []
    for start in range(0, len(names), READ_AT_ONCE):
        some = names[start : start + READ_AT_ONCE]
        for name, outcome in zip(some, client.read_registers(some), strict=True):
            # What left nothing behind was deleted after it was seen.
            now = latest(RegisterState(name, max(outcome.version, seen[name] + 1), outcome.value))
            if not now.value_json:
                found.append(now)
    return found


def clear(name: str, version: int) -> None:
    """The audit trail knows all about a switch that was deleted at ``version``."""
    command = _encode(Clear(version))
    consensus_client.get_client().change_register(name, command, f"clear-{version}", command)
