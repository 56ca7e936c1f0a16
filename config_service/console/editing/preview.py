"""What saving a draft would do, before anything is done."""

from dataclasses import dataclass
from datetime import datetime

from config_service.console.editing.draft import Draft, expiry_of
from config_service.differences.documents import HIDDEN, comparable, readable
from config_service.differences.lines import Comparison, compare
from config_service.entries.snapshots import SECRET, EntrySnapshot
from config_service.live import hub


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something beside the value that would be different."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Preview:
    """``watchers`` are those on this node; None where this process has none to ask. ``replaces_secret``: a secret gets
    another value, which nobody is shown."""

    comparison: Comparison
    attributes: tuple[Attribute, ...]
    watchers: int | None
    is_new: bool
    replaces_secret: bool
    uncovers_secret: bool

    @property
    def changes_nothing(self) -> bool:
        return self.comparison.same and not self.attributes and not self.replaces_secret and not self.is_new


def preview(draft: Draft, current: EntrySnapshot | None) -> Preview:
    """``current`` is the entry that the draft is based on."""
    was_secret = current is not None and current.type == SECRET
    return Preview(
        comparison=compare_with(draft, current),
        attributes=tuple(_attributes(draft, current)),
        watchers=watching(draft.namespace, draft.key),
        is_new=current is None,
        replaces_secret=was_secret and draft.is_secret,
        uncovers_secret=was_secret and not draft.is_secret,
    )


def compare_with(draft: Draft, current: EntrySnapshot | None) -> Comparison:
    if current is None:
        return compare(None, HIDDEN if draft.is_secret else readable(draft.type, draft.value_json))
    return compare(*comparable(current.type, current.value_json, draft.type, draft.value_json))


def watching(namespace: str, key: str) -> int | None:
    live = hub.current()
    return None if live is None else live.watchers.count(namespace, key)


def _attributes(draft: Draft, current: EntrySnapshot | None) -> list[Attribute]:
    if current is None:
        return [Attribute("Expires", "", until(draft.expires_at))] if draft.expires_at else []
    pairs = (
        ("Type", current.type, draft.type),
        ("Expires", until(expiry_of(current)), until(draft.expires_at)),
        ("Comment", current.comment, draft.comment),
    )
    return [Attribute(name, old, new) for name, old, new in pairs if old != new]


def until(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else "never"
