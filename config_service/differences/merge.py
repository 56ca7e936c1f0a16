"""Three versions of a value become one, as far as nobody has to be asked.

Objects are merged member by member, lists and texts by what stays in place (`sequences`); a number, a string or
anything else is taken from the side that has changed it. What both have changed differently is a `Conflict`, and the
merged value holds the side that ``choices`` names for its path, else yours.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from config_service.differences.sequences import Chunk, chunks
from config_service.entries.validation import same_json

THEIRS, YOURS = "theirs", "yours"


class Nothing(Enum):
    """What stands for a value that is not there (None is JSON's null), or for a base that nobody knows any more."""

    MISSING = "missing"
    UNKNOWN = "unknown"


MISSING, UNKNOWN = Nothing


@dataclass(frozen=True, slots=True)
class Conflict:
    """``path`` is a JSON Pointer (RFC 6901), "" the whole value; in a text it is ``line N`` of yours."""

    path: str
    base: Any
    theirs: Any
    yours: Any
    chosen: str = YOURS


@dataclass(slots=True)
class Merge:
    """``taken`` are the paths that were taken from the other side without asking."""

    value: Any = MISSING
    conflicts: list[Conflict] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)


def merge(base: Any, theirs: Any, yours: Any, choices: Mapping[str, str] | None = None) -> Merge:
    """JSON values, or `MISSING` where there is none. With the base `UNKNOWN`, nothing is taken for unchanged."""
    found = Merge()
    found.value = _Merger(choices or {}, found).merge("", base, theirs, yours)
    return found


def merge_texts(base: str, theirs: str, yours: str, choices: Mapping[str, str] | None = None) -> Merge:
    """By lines; line ends stay as they are."""
    found = Merge()
    texts = [text.splitlines(keepends=True) for text in (base, theirs, yours)]
    found.value = "".join(_merge_lines(texts, choices or {}, found))
    return found


def pointer(path: str, name: str) -> str:
    """The path of a member."""
    return f"{path}/{name.replace('~', '~0').replace('/', '~1')}"


class _Merger:
    def __init__(self, choices: Mapping[str, str], found: Merge):
        self._choices = choices
        self._found = found

    def merge(self, path: str, base: Any, theirs: Any, yours: Any) -> Any:
        if _same(theirs, yours) or _same(base, theirs):
            return yours
        if _same(base, yours):
            self._found.taken.append(path)
            return theirs
        if isinstance(theirs, dict) and isinstance(yours, dict) and (base is MISSING or isinstance(base, dict)):
            return self._members(path, {} if base is MISSING else base, theirs, yours)
        if isinstance(base, list) and isinstance(theirs, list) and isinstance(yours, list):
            merged = _merge_lists(base, theirs, yours)
            if merged is not None:
                self._found.taken.append(path)
                return merged
        return self._conflict(path, base, theirs, yours)

    def _members(self, path: str, base: dict, theirs: dict, yours: dict) -> dict:
        merged = {}
        for name in _names(theirs, yours, base):
            sides = (side.get(name, MISSING) for side in (base, theirs, yours))
            value = self.merge(pointer(path, name), *sides)
            if value is not MISSING:
                merged[name] = value
        return merged

    def _conflict(self, path: str, base: Any, theirs: Any, yours: Any) -> Any:
        chosen = _chosen(self._choices, path)
        self._found.conflicts.append(Conflict(path, base, theirs, yours, chosen))
        return theirs if chosen == THEIRS else yours


def _same(left: Any, right: Any) -> bool:
    if left is MISSING or right is MISSING:
        return left is right
    return same_json(left, right)


def _names(theirs: dict, yours: dict, base: dict) -> list[str]:
    """Yours in your order, each of theirs that you lack after the one it follows there; then what only base has."""
    names = list(yours)
    place = 0
    for name in theirs:
        if name in yours:
            place = names.index(name) + 1
        else:
            names.insert(place, name)
            place += 1
    return names + [name for name in base if name not in theirs and name not in yours]


def _merge_lists(base: list, theirs: list, yours: list) -> list | None:
    """None where both sides have changed the same place."""
    texts = [[_text(item) for item in side] for side in (base, theirs, yours)]
    merged: list[Any] = []
    for chunk in chunks(*texts):
        side = _side(chunk, texts)
        if side is None:
            return None
        merged += theirs[slice(*chunk.theirs)] if side == THEIRS else yours[slice(*chunk.yours)]
    return merged


def _merge_lines(texts: Sequence[list[str]], choices: Mapping[str, str], found: Merge) -> list[str]:
    merged: list[str] = []
    for chunk in chunks(*texts):
        pieces = [text[slice(*part)] for text, part in zip(texts, (chunk.base, chunk.theirs, chunk.yours), strict=True)]
        side, path = _side(chunk, texts), f"line {chunk.yours[0] + 1}"
        if side is None:
            side = _chosen(choices, path)
            found.conflicts.append(Conflict(path, *("".join(piece) for piece in pieces), side))
        elif side == THEIRS:
            found.taken.append(path)
        merged += pieces[1] if side == THEIRS else pieces[2]
    return merged


def _side(chunk: Chunk, texts: Sequence[list[str]]) -> str | None:
    """Which side to take without asking; None where that cannot be told."""
    base, theirs, yours = (
        text[slice(*part)] for text, part in zip(texts, (chunk.base, chunk.theirs, chunk.yours), strict=True)
    )
    if chunk.stable or theirs in (base, yours):
        return YOURS
    return THEIRS if yours == base else None


def _chosen(choices: Mapping[str, str], path: str) -> str:
    return THEIRS if choices.get(path) == THEIRS else YOURS


def _text(value: Any) -> str:
    """Equal for values that are the same JSON: 1 and 1.0 are, the order of members does not matter."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case list():
            return [_plain(item) for item in value]
    return value
