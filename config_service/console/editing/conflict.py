"""Somebody else was faster: what it was, what they made of it, what you want, and all of it together."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config_service.console.editing.draft import Draft, expiry_of
from config_service.differences.documents import HIDDEN, readable
from config_service.differences.merge import MISSING, THEIRS, UNKNOWN, Merge, merge, merge_texts
from config_service.entries import history
from config_service.entries.snapshots import SECRET, ChangeSnapshot, EntrySnapshot
from config_service.errors import ProductError


@dataclass(frozen=True, slots=True)
class Version:
    """One of the three. ``text`` is None where there is no entry."""

    title: str
    text: str | None
    type: str = ""
    revision: int = 0
    who: str = ""
    at: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What both have changed, and which side is taken as things are."""

    path: str
    base: str
    theirs: str
    yours: str
    chosen: str

    @property
    def field(self) -> str:
        return f"choice:{self.path}"


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """``merged`` is the draft to go on with, based on what is there now. ``base`` is None where history does not reach
    back to it; nothing can be merged then."""

    base: Version | None
    theirs: Version
    yours: Version
    questions: tuple[Question, ...]
    taken: tuple[str, ...]
    merged: Draft
    deleted: bool

    @property
    def is_automatic(self) -> bool:
        return not self.questions


def base_of(draft: Draft) -> ChangeSnapshot | None:
    """What the draft was based on, if history still tells it."""
    if not draft.base_revision:
        return None
    try:
        return history.change_of(draft.namespace, draft.key, draft.base_revision)
    except ProductError:
        return None


def last_change(draft: Draft) -> ChangeSnapshot | None:
    """Who has made the entry what it is, a deletion too."""
    try:
        found, _ = history.changes(draft.namespace, draft.key, limit=1)
    except ProductError:
        return None
    return found[0] if found else None


def three_way(draft: Draft, current: EntrySnapshot | None, choices: Mapping[str, str]) -> ThreeWay:
    base = base_of(draft)
    merged = _merge(draft, base, current, choices)
    value_json = draft.value_json if merged is None else json.dumps(merged.value, ensure_ascii=False)
    takes_theirs = merged is not None and current is not None and choices.get("") == THEIRS
    kind = draft.type
    if current is not None and (takes_theirs or (base is not None and base.type == draft.type)):
        kind = current.type
    if takes_theirs and current is not None and current.type == SECRET:
        value_json, kind = draft.value_json, draft.type  # theirs is sealed: it cannot be typed again
    expires_at = draft.expires_at
    if current is not None and base is not None and expiry_of(base.as_entry()) == draft.expires_at:
        expires_at = expiry_of(current)
    return ThreeWay(
        base=_version("Before", base) if base is not None else None,
        theirs=_theirs(draft, current),
        yours=Version("Yours", HIDDEN if draft.is_secret else readable(draft.type, draft.value_json), draft.type),
        questions=tuple(_questions(merged)) if merged is not None else (),
        taken=tuple(path or "the whole value" for path in merged.taken) if merged is not None else (),
        merged=replace(
            draft, type=kind, value_json=value_json, expires_at=expires_at,
            base_revision=current.revision if current else 0,
        ),
        deleted=current is None,
    )  # fmt: skip


def _merge(
    draft: Draft, base: ChangeSnapshot | None, current: EntrySnapshot | None, choices: Mapping[str, str]
) -> Merge | None:
    """None where there is nothing to merge: one side is gone, or is a secret."""
    if current is None or SECRET in (draft.type, current.type):
        return None
    theirs, yours = json.loads(current.value_json), draft.value
    known = base is not None and base.operation == "put" and base.type != SECRET
    before: Any = json.loads(base.value_json) if base is not None and known else MISSING
    if all(isinstance(value, str) and "\n" in value for value in (before, theirs, yours)):
        return merge_texts(before, theirs, yours, choices)
    if not known and draft.base_revision:
        return merge(UNKNOWN, theirs, yours, choices)
    return merge(before, theirs, yours, choices)


def _questions(merged: Merge) -> list[Question]:
    return [
        Question(one.path, _short(one.base), _short(one.theirs), _short(one.yours), one.chosen)
        for one in merged.conflicts
    ]


def _short(value: Any) -> str:
    if value is MISSING:
        return "not there"
    if isinstance(value, str) and "\n" in value:
        return value
    if value is UNKNOWN:
        return "not known any more"
    return json.dumps(value, ensure_ascii=False, indent=2)


def _version(title: str, change: ChangeSnapshot) -> Version:
    text = None if change.operation == "delete" else readable(change.type, change.value_json)
    return Version(title, text, change.type, change.revision, change.actor, change.at, change.comment)


def _theirs(draft: Draft, current: EntrySnapshot | None) -> Version:
    change = last_change(draft) if current is None else None
    if change is not None:
        return _version("Theirs", change)
    if current is None:
        return Version("Theirs", None)
    text = readable(current.type, current.value_json)
    return Version(
        "Theirs", text, current.type, current.revision, current.updated_by, current.updated_at, current.comment
    )
