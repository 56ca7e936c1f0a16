"""What a file holds, whatever its format, and the tree in which JSON, YAML and TOML say it.

    {"$format": 1, "namespace": "shop", "revision": 42,
     "entries": {"db/port": 5432, "ratio": 1},
     "types": {"ratio": "float"},                 where the value does not say it
     "sealed": {"db/password": {…}},              secrets, as ciphertext
     "comments": {…}, "expires_at": {…}}          where there are any

``$`` is no character of a key, so no unmarked file looks like this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config_service.entries.snapshots import SECRET
from config_service.entries.validation import MAX_DEPTH, infer_type
from config_service.errors import Invalid

FORMAT = 1
MARK = "$format"
OMITTED = "omitted"
# A value may be as deep as anywhere; the file around it adds its own levels.
FILE_DEPTH = MAX_DEPTH + 3

_HEADER = {"namespace": str, "revision": int, "prefix": str, "secrets": str}
_SECTIONS = ("entries", "types", "sealed", "comments", "expires_at")

Lines = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a file. ``type`` is "" where the file does not say it; ``text``: its format knows nothing but text.
    A ``sealed`` value is ciphertext (`config_service.sealing`). ``line`` is 0 where it is not known."""

    key: str
    value: Any
    type: str = ""
    sealed: bool = False
    text: bool = False
    comment: str = ""
    expires_at: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """What a marked file says of itself. ``prefix``: it holds only the keys that begin so; ``secrets`` is "omitted"
    where they were left out."""

    namespace: str = ""
    revision: int = 0
    prefix: str = ""
    secrets: str = ""

    def as_tree(self) -> dict[str, Any]:
        tree: dict[str, Any] = {MARK: FORMAT, "namespace": self.namespace, "revision": self.revision}
        tree |= {name: text for name, text in (("prefix", self.prefix), ("secrets", self.secrets)) if text}
        return tree


@dataclass(frozen=True, slots=True)
class Document:
    items: tuple[Item, ...]
    header: Header = field(default_factory=Header)
    marked: bool = False


def fault(detail: str, line: int = 0) -> Invalid:
    """What is wrong with a file, and where."""
    return Invalid.field("file", f"line {line}: {detail}" if line else detail)


def read_header(tree: Mapping[str, Any]) -> Header:
    if tree[MARK] != FORMAT or isinstance(tree[MARK], bool):
        raise fault(f"{MARK} {tree[MARK]!r} is not known: this release reads {FORMAT}")
    for name, kind in _HEADER.items():
        if not isinstance(tree.get(name, kind()), kind):
            raise fault(f"{name} must be a {'string' if kind is str else 'number'}")
    if tree.get("secrets", "") not in ("", OMITTED):
        raise fault(f"secrets is {OMITTED!r} or left out")
    return Header(**{name: tree[name] for name in _HEADER if name in tree})


def to_tree(document: Document) -> dict[str, Any]:
    tree = document.header.as_tree()
    sections: dict[str, dict[str, Any]] = {name: {} for name in _SECTIONS}
    for item in document.items:
        if item.sealed:
            sections["sealed"][item.key] = item.value
        else:
            sections["entries"][item.key] = item.value
            if item.type != infer_type(item.value):
                sections["types"][item.key] = item.type
        if item.comment:
            sections["comments"][item.key] = item.comment
        if item.expires_at:
            sections["expires_at"][item.key] = item.expires_at
    return tree | {name: section for name, section in sections.items() if section or name == "entries"}


def from_tree(tree: Any, lines: Lines | None = None) -> Document:
    """``lines`` tells where a name stands, by the name around it ("" at the top) and itself."""
    lines = lines or {}
    if not isinstance(tree, dict):
        raise fault("the file must hold names with values")
    if MARK not in tree:
        return Document(tuple(Item(key, value, line=lines.get(("", key), 0)) for key, value in tree.items()))
    header = read_header(tree)
    for name, section in tree.items():
        if name in (MARK, *_HEADER):
            continue
        if name not in _SECTIONS:
            raise fault(f"{name!r} is not known beside {MARK}", lines.get(("", name), 0))
        if not isinstance(section, dict):
            raise fault(f"{name} must hold names with values", lines.get(("", name), 0))
    return Document(tuple(_items(tree, lines)), header, marked=True)


def _items(tree: dict[str, Any], lines: Lines) -> list[Item]:
    entries, types, sealed, comments, expires_at = (tree.get(name, {}) for name in _SECTIONS)
    for name, section in (("types", types), ("comments", comments), ("expires_at", expires_at)):
        for key, text in section.items():
            line = lines.get((name, key), 0)
            if key not in entries and key not in sealed:
                raise fault(f"{name} names {key!r}, which is no entry of this file", line)
            if not isinstance(text, str):
                raise fault(f"{name}: {key}: must be a string", line)
    items = []
    for section, values in (("entries", entries), ("sealed", sealed)):
        for key, value in values.items():
            line = lines.get((section, key), 0)
            if section == "sealed" and key in entries:
                raise fault(f"{key!r} is among the entries too", line)
            kind = SECRET if section == "sealed" else types.get(key, infer_type(value))
            more = comments.get(key, ""), expires_at.get(key, "")
            items.append(Item(key, value, kind, section == "sealed", False, *more, line))
    return items
