"""What ``.env`` and properties files cannot say, in comments of their own: ``#:`` and JSON, on the line before.

    #: {"$format": 1, "namespace": "shop", "revision": 42}
    #: {"key": "db/port", "type": "integer"}
    db_port=5432

A value without such a line is a string. A string is written as it is, so is a secret in clear, unless the line says
``json``; anything else is JSON.
Without the first line, comments are comments.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from config_service.entries.snapshots import SECRET
from config_service.entries.transfer.documents import MARK, Document, Header, Item, fault, read_header
from config_service.entries.validation import canonical, parse_json
from config_service.errors import Invalid

_SIGN = "#:"
_FIELDS = {"key": str, "type": str, "sealed": bool, "json": bool, "comment": str, "expires_at": str}
STRING = "string"


class Line(NamedTuple):
    """A name with its text, or, with ``name`` None, a comment."""

    name: str | None
    text: str
    number: int


def said_first(header: Header) -> str:
    return _line(header.as_tree())


def said_and_text(item: Item, name: str, unfit: Callable[[str], bool] = lambda text: False) -> tuple[list[str], str]:
    """The line before, if one is needed, and the text. ``unfit``: the format cannot hold this text as it is."""
    plain = item.value if not item.sealed and item.type in (STRING, SECRET) and isinstance(item.value, str) else None
    if plain is not None and unfit(plain):
        plain = None
    said: dict[str, Any] = {} if name == item.key else {"key": item.key}
    if item.type != STRING:
        said["type"] = item.type
    if item.sealed:
        said["sealed"] = True
    elif plain is None and item.type in (STRING, SECRET):
        said["json"] = True
    said |= {field: text for field in ("comment", "expires_at") if (text := getattr(item, field))}
    return [_line(said)] if said else [], canonical(item.value) if plain is None else plain


def document(lines: Iterable[Line]) -> Document:
    header: Header | None = None
    said: dict[str, Any] = {}
    items: list[Item] = []
    seen: set[str] = set()
    for line in lines:
        if line.name is None:
            told = _told(line) if header or not (items or said) else None
            if told and MARK in told and header is None:
                header = read_header(told)
            elif told and header:
                said = _checked(told, line.number)
            continue
        item = _item(line, said) if header else Item(line.name, line.text, text=True, line=line.number)
        if item.key in seen:
            raise fault(f"{item.key!r} occurs twice", line.number)
        seen.add(item.key)
        items.append(item)
        said = {}
    return Document(tuple(items), header or Header(), marked=header is not None)


def _line(said: dict[str, Any]) -> str:
    return f"{_SIGN} {json.dumps(said)}"


def _told(line: Line) -> dict[str, Any] | None:
    text = line.text.strip()
    if not text.startswith(_SIGN):
        return None
    try:
        told = parse_json(text.removeprefix(_SIGN).strip())
    except Invalid:
        return None
    return told if isinstance(told, dict) else None


def _checked(told: dict[str, Any], line: int) -> dict[str, Any]:
    for field, value in told.items():
        if field not in _FIELDS or not isinstance(value, _FIELDS[field]):
            raise fault(f"{_SIGN} says {field!r}, which is not known or not of its type", line)
    return told


def _item(line: Line, said: dict[str, Any]) -> Item:
    kind, sealed = said.get("type", STRING), said.get("sealed", False)
    value: Any = line.text
    if sealed or said.get("json") or kind not in (STRING, SECRET):
        try:
            value = parse_json(line.text)
        except Invalid as error:
            raise fault(f"{said.get('key', line.name)}: {error.detail}", line.number) from error
    more = said.get("comment", ""), said.get("expires_at", "")
    return Item(said.get("key", line.name), value, kind, sealed, False, *more, line.number)


_NOT_IN_NAME = re.compile("[^A-Za-z0-9_]")


def variable_names(keys: Iterable[str]) -> dict[str, str]:
    """A name for each key that a shell takes for a variable: the key itself where it is one."""
    keys = list(keys)
    names = {key: key for key in keys if not _NOT_IN_NAME.search(key) and not key[0].isdigit()}
    taken = set(names)
    for key in keys:
        if key in names:
            continue
        plain = _NOT_IN_NAME.sub("_", key)
        plain = name = f"_{plain}" if plain[0].isdigit() else plain
        number = 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        names[key] = name
        taken.add(name)
    return names
