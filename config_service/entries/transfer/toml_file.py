"""TOML files (1.0), read by tomli, which bounds keys and nesting.

TOML has no null and 64 bits for a number. An entry that holds anything else stands in a section of its own as JSON
text: ``[json]``, ``"a/b" = "{\\"x\\":null}"``. Written here, since writers of TOML put the members of a table in
an order of their own; its basic strings and its inline tables are JSON's, but for the equals sign and DEL.
"""

import json
import math
import re
from typing import Any

import tomli

from config_service.entries.transfer.documents import MARK, Document, fault, from_tree, to_tree
from config_service.entries.validation import canonical, parse_json
from config_service.errors import Invalid

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MOST = 2**63
_JSON = "json"


def write(document: Document) -> str:
    tree = to_tree(document)
    as_json: dict[str, str] = {}
    for name in ("entries", "sealed"):
        strange = [key for key, value in tree.get(name, {}).items() if not _holds(value)]
        as_json |= {key: canonical(tree[name].pop(key)) for key in strange}
    lines = [f"{_name(name)} = {_value(value)}" for name, value in tree.items() if not isinstance(value, dict)]
    sections = {name: value for name, value in tree.items() if isinstance(value, dict)}
    for name, section in (sections | ({_JSON: as_json} if as_json else {})).items():
        lines += ["", f"[{name}]", *(f"{_name(key)} = {_value(value)}" for key, value in section.items())]
    return "\n".join(lines) + "\n"


def read(text: str) -> Document:
    try:
        tree = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise fault(f"not TOML: {error.msg}", error.lineno) from None
    except (RecursionError, ValueError) as error:
        raise fault(f"not TOML: {error}") from None
    for name, value in tree.items():
        _check(value, name)
    if MARK in tree and _JSON in tree:
        _take_json(tree)
    return from_tree(tree)


def _take_json(tree: dict[str, Any]) -> None:
    texts = tree.pop(_JSON)
    entries = tree.setdefault("entries", {})
    if not isinstance(texts, dict) or not isinstance(entries, dict):
        raise fault(f"[{_JSON}] and [entries] hold names with values")
    for key, text in texts.items():
        if key in entries or not isinstance(text, str):
            raise fault(f"[{_JSON}] {key}: must be JSON text, of an entry that is named once")
        try:
            entries[key] = parse_json(text)
        except Invalid as error:
            raise fault(f"[{_JSON}] {key}: {error.detail}") from error


def _check(value: Any, where: str) -> None:
    """tomli bounds the depth."""
    match value:
        case dict():
            for name, item in value.items():
                _check(item, f"{where}.{name}")
        case list():
            for item in value:
                _check(item, where)
        case float() if not math.isfinite(value):
            raise fault(f"{where}: {value} is no number that JSON knows")
        case str() | int() | float():
            return
        case _:
            raise fault(f"{where}: a date or a time is written in quotes")


def _holds(value: Any) -> bool:
    """Whether TOML can say it."""
    match value:
        case None:
            return False
        case dict():
            return all(map(_holds, value.values()))
        case list():
            return all(map(_holds, value))
        case int():
            return -_MOST <= value < _MOST
    return True


def _name(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case dict():
            return "{" + ", ".join(f"{_name(name)} = {_value(item)}" for name, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)
