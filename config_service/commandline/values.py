"""Values between a terminal and the service."""

import json
import sys
from pathlib import Path
from typing import Any

from config_service.commandline.rest import RestError
from config_service.entries.validation import parse_json
from config_service.errors import Invalid


def or_input(text: str) -> str:
    """``text``, or for - what stdin holds."""
    return sys.stdin.read() if text == "-" else text


def read_value(text: str, kind: str | None = None) -> Any:
    """JSON where it is JSON, else the string itself; of a given ``kind``, only what that calls for. `RestError`."""
    if kind in ("string", "secret"):
        return text
    try:
        return parse_json(text)
    except Invalid as error:
        if kind is not None:
            raise RestError(f"the value is {error.detail}") from error
        return text


def read_json_file(name: str, called: str) -> Any:
    """The JSON in the file ``name``, or for - in stdin. Raises `RestError`: ``called``, and what it is instead."""
    try:
        return parse_json(sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes())
    except OSError as error:
        raise RestError(f"{name} cannot be read: {error.strerror}") from error
    except Invalid as error:
        raise RestError(f"{called} {error.detail}") from error


def json_line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def plain(value: Any) -> str:
    """A string as it is, anything else as JSON."""
    return value if isinstance(value, str) else json_line(value)


def shown(item: dict[str, Any]) -> str:
    """The value of an entry, or of an edit."""
    return "(secret)" if item.get("masked") else json_line(item["value"])
