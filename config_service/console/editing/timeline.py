"""What has happened, told so that a person can skim it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.timesince import timesince

from config_service.differences.documents import HIDDEN
from config_service.differences.merge import MISSING
from config_service.differences.paths import PathChange, path_changes
from config_service.entries.models import Operation
from config_service.entries.snapshots import SECRET, ChangeSnapshot

MOST_TOLD = 4
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that a change has changed, each side short; None where there was, or is, nothing."""

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """``more`` is how many things were changed beside those in ``told``."""

    change: ChangeSnapshot
    ago: str
    verb: str
    told: tuple[Told, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Moment:
    """All that was changed at one revision."""

    revision: int
    ago: str
    actor: str
    events: tuple[Event, ...]


def events(changes: Iterable[ChangeSnapshot]) -> list[Event]:
    return [_event(change) for change in changes]


def moments(changes: Iterable[ChangeSnapshot]) -> list[Moment]:
    grouped = groupby(events(changes), lambda event: event.change.revision)
    found = [(revision, tuple(same)) for revision, same in grouped]
    return [Moment(revision, same[0].ago, same[0].change.actor, same) for revision, same in found]


def shorten(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def ago(at: datetime) -> str:
    """By this machine's clock, for people: the greatest unit is enough."""
    age = timezone.now() - at
    if age < timedelta(minutes=1):
        return "just now"
    return f"{timesince(at, depth=1)} ago"


def _event(change: ChangeSnapshot) -> Event:
    told = _told(change)
    return Event(
        change, ago(datetime.fromisoformat(change.at)), _verb(change), tuple(told[:MOST_TOLD]), len(told[MOST_TOLD:])
    )


def _verb(change: ChangeSnapshot) -> str:
    if change.operation == Operation.DELETE:
        return "deleted"
    return "created" if change.version == 1 else "changed"


def _told(change: ChangeSnapshot) -> list[Told]:
    if change.operation == Operation.DELETE:
        return []
    before = change.before
    old: Any = MISSING
    if before is not None and before.operation != Operation.DELETE:
        if SECRET in (before.type, change.type):
            return [Told("", HIDDEN if before.type == SECRET else _short(json.loads(before.value_json)), HIDDEN)]
        old = json.loads(before.value_json)
    if change.type == SECRET:
        return [Told("", None, HIDDEN)]
    new = json.loads(change.value_json)
    if old is MISSING:
        return [Told("", None, _short(new))]
    return [_told_of(one) for one in path_changes(old, new)]


def _told_of(change: PathChange) -> Told:
    old = None if change.old is MISSING else _short(change.old)
    new = None if change.new is MISSING else _short(change.new)
    return Told(change.path, old, new)


def _short(value: Any) -> str:
    return shorten(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
