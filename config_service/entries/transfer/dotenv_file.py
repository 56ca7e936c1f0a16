"""``.env`` files, by the rules of python-dotenv, whose parser reads them; ``${…}`` is text here, not looked up.

Keys that are no names of variables get one: see `directives`. Values stand in single quotes where they can, in which a
shell takes everything as it is.
"""

import io
import re

from dotenv.parser import parse_stream

from config_service.entries.transfer.directives import Line, document, said_and_text, said_first, variable_names
from config_service.entries.transfer.documents import Document, fault

_BARE = re.compile(r"[A-Za-z0-9_./:@%+,-]*")


def write(held: Document) -> str:
    names = variable_names(item.key for item in held.items)
    lines = [said_first(held.header)]
    for item in held.items:
        name = names[item.key]
        said, text = said_and_text(item, name, _unfit)
        lines += [*said, f"{name}={_quoted(text)}"]
    return "\n".join(lines) + "\n"


def read(text: str) -> Document:
    return document(_lines(text))


def _lines(text: str) -> list[Line]:
    found = []
    for binding in parse_stream(io.StringIO(text, newline="")):
        original = binding.original.string
        skipped = original[: len(original) - len(original.lstrip())]
        number = binding.original.line + len(re.findall(r"\r\n|\n|\r", skipped))
        if binding.error:
            raise fault("neither a comment nor NAME=VALUE", number)
        if binding.key is None:
            found.append(Line(None, original, number))
        elif binding.value is None:
            raise fault(f"{binding.key} has no '=' and no value", number)
        else:
            found.append(Line(binding.key, binding.value, number))
    return found


def _unfit(text: str) -> bool:
    """The parser takes a backslash before the closing quote for an escape, whatever comes before it."""
    return text.endswith("\\")


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
