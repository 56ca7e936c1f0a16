"""From what somebody wants changed to the edits of a change set: check, seal secrets, bind to what is there.

A secret is checked against the rules of its namespace before it is sealed, since nobody can afterwards. The rest is
checked when it is published, and shown before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from config_service.changesets.edits import DELETE, PUT, Edit
from config_service.entries import selectors, validation
from config_service.entries.schemas.services import check_value
from config_service.entries.snapshots import SECRET, EntrySnapshot, time_text
from config_service.entries.tables import Key
from config_service.entries.transacting import MAX_BYTES, MAX_OPERATIONS, at_place
from config_service.errors import Invalid, PreconditionFailed, TooLarge, Unprocessable
from config_service.sealing.seals import seal

MAX_EDITS = MAX_OPERATIONS
KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """``operation`` is put, delete, or keep: an edit that the change set has already stays as it is.

    Without ``type`` an entry keeps its own where the value fits it. Without ``base_revision`` the edit is based on what
    is there now (0: nothing)."""

    operation: str
    namespace: str
    key: str
    value: Any = None
    type: str = ""
    comment: str = ""
    ttl_s: int | None = None
    expires_at: datetime | None = None
    base_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Drafted:
    """An edit but for what it is based on. ``type`` is "" where it depends on that."""

    place: str
    wanted: Wanted
    edit: Edit

    @property
    def asked(self) -> tuple[Any, ...]:
        """What makes the same request: nothing that was found."""
        return (*msgspec.structs.astuple(self.edit), self.wanted.base_revision)


def draft(wanted: Sequence[Wanted], request_id: str, held: Iterable[Edit] = ()) -> list[Drafted]:
    """``held`` are the edits that ``keep`` may name. Raises `Invalid` and its kinds, saying which edit is at fault, and
    `SealingUnavailable`."""
    if not 1 <= len(wanted) <= MAX_EDITS:
        raise Unprocessable.field("edits", f"a change set has 1 to {MAX_EDITS} edits")
    kept = {edit.place: edit for edit in held}
    _check_unique(wanted)
    places = [_check_place(number, one) for number, one in enumerate(wanted)]
    secrets = selectors.secrets_among({(one.namespace, one.key) for one in wanted if one.operation == PUT})
    drafted = []
    for place, one in zip(places, wanted, strict=True):
        try:
            drafted.append(Drafted(place, one, _edit(one, kept, secrets, request_id)))
        except Invalid as error:
            raise at_place(place, error) from error
    if len(msgspec.msgpack.encode([one.edit for one in drafted])) > MAX_BYTES:
        raise TooLarge.field("edits", f"the edits of a change set have at most {MAX_BYTES} bytes together")
    return drafted


def bind(drafted: Sequence[Drafted]) -> tuple[Edit, ...]:
    """To what is there now. `PreconditionFailed` where somebody was faster than the edit."""
    found = selectors.entries_of([one.edit.place for one in drafted])
    return tuple(_bound(one, found.get(one.edit.place)) for one in drafted)


def _check_unique(wanted: Sequence[Wanted]) -> None:
    seen: set[Key] = set()
    for number, one in enumerate(wanted):
        if (one.namespace, one.key) in seen:
            raise at_place(f"edits[{number}]", Unprocessable(f"{one.namespace}/{one.key} is named twice"))
        seen.add((one.namespace, one.key))


def _check_place(number: int, wanted: Wanted) -> str:
    place = f"edits[{number}]"
    try:
        validation.check_namespace(wanted.namespace)
        validation.check_key(wanted.key)
    except Invalid as error:
        raise at_place(place, error) from error
    return place


def _edit(wanted: Wanted, kept: dict[Key, Edit], secrets: set[Key], request_id: str) -> Edit:
    key = (wanted.namespace, wanted.key)
    match wanted.operation:
        case "keep":
            if key not in kept:
                raise Invalid("there is no such edit to keep")
            return kept[key]
        case "delete":
            comment = validation.check_text("comment", wanted.comment, validation.MAX_COMMENT_LENGTH)
            return Edit(DELETE, *key, wanted.base_revision or 0, comment=comment)
        case "put":
            return _put(wanted, SECRET if not wanted.type and key in secrets else wanted.type, request_id)
    raise Invalid.field("op", "put, delete or keep")


def _put(wanted: Wanted, kind: str, request_id: str) -> Edit:
    validation.check_text("comment", wanted.comment, validation.MAX_COMMENT_LENGTH)
    if kind:
        validation.check_fits(validation.check_type(kind), wanted.value)
    if wanted.ttl_s is not None and wanted.expires_at is not None:
        raise Invalid.field("ttl_s", "either ttl_s or expires_at")
    text = validation.canonical(wanted.value)
    if kind == SECRET:
        check_value(wanted.namespace, wanted.key, text)
        text = seal(wanted.namespace, wanted.key, text, request_id)
    ttl_s = 0 if wanted.ttl_s is None else validation.check_ttl(wanted.ttl_s)
    expires_at = time_text(wanted.expires_at) if wanted.expires_at else ""
    base = wanted.base_revision or 0
    return Edit(PUT, wanted.namespace, wanted.key, base, text, kind, wanted.comment, ttl_s, expires_at)


def _bound(drafted: Drafted, now: EntrySnapshot | None) -> Edit:
    wanted, edit = drafted.wanted, drafted.edit
    if wanted.operation == KEEP:
        return edit
    revision = now.revision if now else 0
    if wanted.base_revision is not None and wanted.base_revision != revision:
        standing = f"is at revision {revision}" if revision else "does not exist"
        detail = f"{drafted.place}: {edit.namespace}/{edit.key} {standing}, not at {wanted.base_revision}"
        raise PreconditionFailed(detail, revision)
    if edit.operation == DELETE and now is None:
        raise Unprocessable.field(drafted.place, f"{edit.namespace}/{edit.key} does not exist: nothing to delete")
    kind = edit.type
    if edit.operation == PUT and not kind:
        if now is not None and now.type == SECRET:  # since `draft` has looked: the value is not sealed
            raise PreconditionFailed(f"{drafted.place}: {edit.namespace}/{edit.key} has become a secret", revision)
        natural = validation.infer_type(wanted.value)
        kind = validation.type_to_keep(now.type, natural) if now else natural
    return msgspec.structs.replace(edit, base_revision=revision, type=kind)
