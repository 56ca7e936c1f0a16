"""What is different between two JSON values, by path."""

from dataclasses import dataclass
from typing import Any

from config_service.differences.merge import MISSING, pointer
from config_service.entries.validation import same_json

MOST = 200


@dataclass(frozen=True, slots=True)
class PathChange:
    """``old`` or ``new`` is `MISSING` for what was added or removed. ``path`` is a JSON Pointer, "" the whole value."""

    path: str
    old: Any
    new: Any

    @property
    def kind(self) -> str:
        if self.old is MISSING:
            return "added"
        return "removed" if self.new is MISSING else "changed"


def path_changes(old: Any, new: Any) -> list[PathChange]:
    """At most `MOST`, in the order of the new value. A list of another length is one change."""
    found: list[PathChange] = []
    pending = [("", old, new)]
    while pending and len(found) < MOST:
        path, old, new = pending.pop()
        if old is MISSING or new is MISSING or not same_json(old, new):
            below = _below(path, old, new)
            if below is None:
                found.append(PathChange(path, old, new))
            else:
                pending += reversed(below)
    return found


def _below(path: str, old: Any, new: Any) -> list[tuple[str, Any, Any]] | None:
    """The members of two objects, or the items of two lists of one length; None for anything else."""
    if isinstance(old, dict) and isinstance(new, dict):
        names = [*new, *(name for name in old if name not in new)]
        return [(pointer(path, name), old.get(name, MISSING), new.get(name, MISSING)) for name in names]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [(f"{path}/{place}", one, other) for place, (one, other) in enumerate(zip(old, new, strict=True))]
    return None
