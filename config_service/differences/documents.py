"""Values as texts that people can compare line by line."""

import json
from typing import Any

from config_service.entries.snapshots import SECRET

HIDDEN = "••••••••"


def readable(kind: str, value_json: str) -> str:
    """A string as it is, an object or a list with one member a line, anything else as JSON; no secret."""
    if kind == SECRET:
        return HIDDEN
    return _text(kind, json.loads(value_json))


def comparable(old_kind: str, old_json: str, new_kind: str, new_json: str) -> tuple[str, str]:
    """Both as `readable`, but the old one with its members in the order of the new one: moving them changes nothing."""
    if SECRET in (old_kind, new_kind):
        return readable(old_kind, old_json), readable(new_kind, new_json)
    old, new = json.loads(old_json), json.loads(new_json)
    return _text(old_kind, _ordered_like(old, new)), _text(new_kind, new)


def _text(kind: str, value: Any) -> str:
    if kind == "string" and isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, indent=2)


def _ordered_like(value: Any, model: Any) -> Any:
    if isinstance(value, dict) and isinstance(model, dict):
        names = [name for name in model if name in value] + [name for name in value if name not in model]
        return {name: _ordered_like(value[name], model.get(name)) for name in names}
    if isinstance(value, list) and isinstance(model, list) and len(value) == len(model):
        return [_ordered_like(one, other) for one, other in zip(value, model, strict=True)]
    return value
