"""YAML files: the core schema of YAML 1.2, which is JSON's, so that ``no`` is a word and ``1:30`` no number.

Read from the parser's events instead of PyYAML's constructors, which speak YAML 1.1, keep the last of two equal names
and follow aliases. An alias is refused: nine lines of them are gigabytes. Written as JSON is, of which YAML is a
superset, but with plain words and blocks of lines where nobody can take them for something else.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from config_service.entries.transfer.documents import FILE_DEPTH, Document, fault, from_tree, to_tree
from config_service.entries.validation import MAX_DEPTH

# libyaml, where PyYAML was built with it: ten times as fast, and the same events.
_Loader = getattr(yaml, "CLoader", yaml.Loader)

_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
# Beyond these a name in braces has to be announced with a question mark.
_NAME_LENGTH = 500
# Nothing that begins with a letter is a number to any reader of YAML 1.1 or 1.2; some are words with a meaning.
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_PLAIN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_SPECIAL = re.compile(r"(?i:y|n|yes|no|on|off|true|false|null)")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_BLOCK = re.compile(r"[^\s\x00-\x1f](?:[^\x00-\x09\x0b-\x1f]*[^\s\x00-\x1f])?\n?")


def read(text: str) -> Document:
    reader = _Reader(text)
    try:
        tree = reader.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise fault(f"not YAML: {error.problem or error.context}", mark.line + 1 if mark else 0) from None
    except yaml.reader.ReaderError as error:
        raise fault(f"not YAML: {error.reason}", text.count("\n", 0, error.position) + 1) from None
    except yaml.YAMLError as error:
        raise fault(f"not YAML: {error}") from None
    return from_tree(tree, reader.lines)


class _Reader:
    def __init__(self, text: str):
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
        self.lines: dict[tuple[str, str], int] = {}

    def document(self) -> Any:
        next(self._events)
        first = next(self._events)
        if isinstance(first, yaml.StreamEndEvent):
            return None
        tree = self._value(next(self._events), 1, "")
        next(self._events)
        following = next(self._events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise fault("one document, not several", following.start_mark.line + 1)
        return tree

    def _value(self, event: Any, depth: int, around: str) -> Any:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise fault(f"the alias *{event.anchor} is not followed: write the value out", line)
        if event.tag not in (None, "!"):
            raise fault(f"the tag {event.tag} is not read", line)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event.value, line) if event.implicit[0] else event.value
        if depth > FILE_DEPTH:
            raise fault(f"nested deeper than {MAX_DEPTH} levels", line)
        if isinstance(event, yaml.SequenceStartEvent):
            items = []
            while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
                items.append(self._value(event, depth + 1, ""))
            return items
        return self._mapping(depth, around)

    def _mapping(self, depth: int, around: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent) or event.tag not in (None, "!"):
                raise fault("a name is text", line)
            name = event.value
            if name in found:
                raise fault(f"the name {name!r} occurs twice", line)
            if depth <= 2:
                self.lines[around, name] = line
            found[name] = self._value(next(self._events), depth + 1, name if depth == 1 else "")
        return found


def _scalar(text: str, line: int) -> Any:
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _NOT_FINITE.fullmatch(text):
        raise fault(f"{text} is no number that JSON knows", line)
    try:
        if _WHOLE.fullmatch(text):
            return int(text)
        if _BASED.fullmatch(text):
            return int(text, 0)
    except ValueError:
        raise fault(f"the number {text[:40]}… has too many digits", line) from None
    if not _FLOAT.fullmatch(text):
        return text
    number = float(text)
    if not math.isfinite(number):
        raise fault(f"the number {text[:40]} is too large", line)
    return number


def write(document: Document) -> str:
    lines = []
    for name, value in to_tree(document).items():
        if not isinstance(value, dict):
            lines.append(f"{name}: {_flow(value)}")
        elif not value:
            lines.append(f"{name}: {{}}")
        else:
            lines.append(f"{name}:")
            lines += [f"  {_name(key)}: {_written(item)}" for key, item in value.items()]
    return "\n".join(lines) + "\n"


def _name(key: str) -> str:
    return key if _PLAIN_NAME.fullmatch(key) and not _SPECIAL.fullmatch(key) else json.dumps(key)


def _written(value: Any) -> str:
    if not isinstance(value, str):
        return _flow(value)
    if _PLAIN_TEXT.fullmatch(value) and not _SPECIAL.fullmatch(value):
        return value
    if "\n" in value and _BLOCK.fullmatch(value) and not _ESCAPED.search(value) and "\n\n" not in value:
        lines = value.removesuffix("\n").split("\n")
        if all(line.strip() == line for line in lines):
            return "\n".join(["|" if value.endswith("\n") else "|-", *(f"    {line}" for line in lines)])
    return _quoted(value)


def _flow(value: Any) -> str:
    match value:
        case str():
            return _quoted(value)
        case dict():
            return "{" + ", ".join(f"{_flow_name(name)}: {_flow(item)}" for name, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case float():
            text = json.dumps(value)
            return text if "." in text else text.replace("e", ".0e")
    return json.dumps(value)


def _flow_name(name: str) -> str:
    return _quoted(name) if len(name) <= _NAME_LENGTH else f"? {_quoted(name)}"


def _quoted(text: str) -> str:
    """As JSON, with what YAML does not print, or takes for the end of a line, escaped."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))
