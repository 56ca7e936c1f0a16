"""What importing a file would do: every entry it names beside the one that is there. Nothing is changed here."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from config_service.entries import history, selectors, validation
from config_service.entries.imports import MAX_CHANGES, MAX_ITEMS
from config_service.entries.operations import Edit
from config_service.entries.schemas.services import check_value
from config_service.entries.snapshots import SECRET, EntrySnapshot, shown, time_text
from config_service.entries.transfer.documents import OMITTED, Document, Item
from config_service.entries.validation import canonical, fits, infer_type, parse_json, type_to_keep
from config_service.errors import Invalid, PreconditionFailed, TooLarge
from config_service.sealing.seals import check_sealed, newest_key_id, open_sealed, seal
from config_service.sealing.seals import parse as parse_sealed
from config_service.texts import check_time

MERGE, REPLACE = "merge", "replace"
MODES = (MERGE, REPLACE)
ADDED, CHANGED, REMOVED, UNCHANGED = "added", "changed", "removed", "unchanged"
FAULTS_TOLD = 20


@dataclass(frozen=True, slots=True)
class Planned:
    """One entry: ``old`` as it is, ``edit`` what the import does with it."""

    change: str
    old: EntrySnapshot | None
    edit: Edit

    @property
    def new_json(self) -> str:
        """As everybody may see it; "" where it is removed."""
        if self.change == UNCHANGED and self.old is not None:
            return self.old.shown_json
        return shown(self.edit.type, self.edit.value_json) if self.change != REMOVED else ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which file goes where, and how: ``replace`` removes the entries that the file does not name, within ``prefix``.

    ``seen_revision``: somebody was shown the plan as of then; it must not have become another one.
    """

    namespace: str
    mode: str = MERGE
    prefix: str = ""
    comment: str = ""
    seen_revision: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """``revision`` is what the entries were read at. ``items`` are in the order of their keys."""

    scope: Scope
    revision: int
    items: tuple[Planned, ...]

    @property
    def changes(self) -> list[Planned]:
        return [item for item in self.items if item.change != UNCHANGED]

    @property
    def counts(self) -> tuple[int, ...]:
        """Added, changed, removed, unchanged."""
        found = Counter(item.change for item in self.items)
        return tuple(found[change] for change in (ADDED, CHANGED, REMOVED, UNCHANGED))


def check_scope(scope: Scope) -> Scope:
    validation.check_namespace(scope.namespace)
    validation.check_prefix(scope.prefix)
    validation.check_text("comment", scope.comment, validation.MAX_COMMENT_LENGTH)
    if scope.mode not in MODES:
        raise Invalid.field("mode", f"one of {', '.join(MODES)}")
    return scope


def plan(scope: Scope, document: Document, request_id: str) -> Plan:
    """Secrets in clear are sealed in the plan already, under ``request_id``. Raises `Invalid` or one of its kinds with
    what is wrong with the entries of the file, `PreconditionFailed` where it is not what ``seen_revision`` showed."""
    prefix = _prefix(scope, document)
    if len(document.items) > MAX_ITEMS:
        raise TooLarge.field("file", f"at most {MAX_ITEMS} entries")
    revision, entries = selectors.entries_with_revision(scope.namespace)
    there = {entry.key: entry for entry in entries}
    found = _all_sound(
        (item, lambda item=item: _planned(scope, document, prefix, item, there.get(item.key), request_id))
        for item in document.items
    )
    if scope.mode == REPLACE:
        named = {item.key for item in document.items}
        spared = document.header.secrets == OMITTED
        found += [
            Planned(REMOVED, entry, Edit(entry.key, entry.revision, "delete", comment=scope.comment))
            for entry in entries
            if entry.key.startswith(prefix) and entry.key not in named and not (spared and entry.type == SECRET)
        ]
    made = Plan(scope, revision, tuple(sorted(found, key=lambda item: item.edit.key)))
    if len(made.changes) > MAX_CHANGES:
        raise TooLarge.field("file", f"{len(made.changes)} entries would change, at most {MAX_CHANGES} can at once")
    _require_as_seen(made, prefix)
    return made


def _prefix(scope: Scope, document: Document) -> str:
    told = validation.check_prefix(document.header.prefix)
    if scope.prefix and told and scope.prefix != told:
        raise Invalid.field("prefix", f"the file holds the keys that begin with {told!r}, not {scope.prefix!r}")
    return scope.prefix or told


def _all_sound(parts: Iterable[tuple[Item, Any]]) -> list[Planned]:
    """All of them, or what is wrong with the first ones."""
    found: list[Planned] = []
    faults: list[tuple[str, Invalid]] = []
    for item, make in parts:
        try:
            found.append(make())
        except Invalid as error:
            where = f"line {item.line}: {item.key[:200]}" if item.line else item.key[:200]
            faults.append((where, error))
            if len(faults) == FAULTS_TOLD:
                break
    if not faults:
        return found
    (where, first), more = faults[0], len(faults) - 1
    detail = f"{where}: {first.detail}" + (f" (and {more} more)" if more else "")
    raise type(first)(detail, {place: [error.detail] for place, error in faults})


def _planned(
    scope: Scope, document: Document, prefix: str, item: Item, old: EntrySnapshot | None, request_id: str
) -> Planned:
    validation.check_key(item.key)
    if not item.key.startswith(prefix):
        raise Invalid.field("key", f"does not begin with {prefix!r}")
    validation.check_text("comment", item.comment, validation.MAX_COMMENT_LENGTH)
    validation.check_tree(item.value)
    value, kind = _typed(item, old)
    expires_at = time_text(check_time("expires_at", item.expires_at)) if item.expires_at else ""
    if kind == SECRET:
        text = _sealed(scope.namespace, item, value, old, request_id)
    else:
        text = canonical(value)
        if old is not None and old.type == kind and _same(old.value_json, text, value):
            text = old.value_json
    # An unmarked file knows nothing of expiry.
    stays = not document.marked or (old is not None and (old.expires_at or "") == expires_at)
    if old is not None and (old.type, old.value_json) == (kind, text) and stays:
        return Planned(UNCHANGED, old, Edit(item.key, old.revision, "keep"))
    change = ADDED if old is None else CHANGED
    comment = item.comment or scope.comment
    return Planned(change, old, Edit(item.key, old.revision if old else 0, "put", text, kind, comment, expires_at))


def _typed(item: Item, old: EntrySnapshot | None) -> tuple[Any, str]:
    """The value and its type. An unmarked file says no types: an entry that exists keeps its own where it can."""
    if item.type:
        validation.check_fits(validation.check_type(item.type), item.value)
        return item.value, item.type
    if old is None:
        return item.value, infer_type(item.value)
    if old.type == SECRET:
        return item.value, SECRET
    value = _read_text(item.value, old.type) if item.text else item.value
    return value, type_to_keep(old.type, infer_type(value))


def _read_text(text: str, kind: str) -> Any:
    """What the text of a format without types means to an entry of this type."""
    if kind == "string":
        return text
    try:
        value = parse_json(text)
    except Invalid:
        return text
    return value if fits(kind, value) else text


def _sealed(namespace: str, item: Item, value: Any, old: EntrySnapshot | None, request_id: str) -> str:
    """Sealed with the newest key. What came in clear is never compared with what is there, or whoever may write could
    find out by guessing."""
    text = canonical(value)
    if not item.sealed:
        check_value(namespace, item.key, text)
        return seal(namespace, item.key, text, request_id)
    if old is not None and old.type == SECRET and _same(old.value_json, text, value):
        return old.value_json
    check_sealed(namespace, item.key, text)
    if parse_sealed(text).key_id == newest_key_id():
        return text
    return seal(namespace, item.key, open_sealed(namespace, item.key, text), request_id)


def _same(stored: str, text: str, value: Any) -> bool:
    """Whether they are the same JSON, whatever the order of members; 1 and 1.0 are two things here."""
    if stored == text:
        return True
    return isinstance(value, dict | list) and _ordered(parse_json(stored)) == _ordered(value)


def _ordered(value: Any) -> str:
    return validation.json_text(value, sort_keys=True)


def _require_as_seen(made: Plan, prefix: str) -> None:
    seen = made.scope.seen_revision
    if seen is None:
        return
    history.require_past(seen, made.revision)
    later = history.keys_changed_since(made.scope.namespace, seen)
    concerned = {item.edit.key for item in made.items}
    if made.scope.mode == REPLACE:
        concerned |= {key for key in later if key.startswith(prefix)}
    if hit := sorted(concerned & later.keys()):
        key = hit[0]
        raise PreconditionFailed(f"{key}: has changed at revision {later[key]}, after what you were shown", later[key])
