"""What a request may say: its body's fields, its query, its preconditions. Syntax only; the services know the rules."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from rest_framework.request import Request

from config_service.errors import Invalid

_ETAG = re.compile(r'"(\d{1,18})"')
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


_CALLED = {str: "a string", int: "a whole number", bool: "true or false", list: "a list", dict: "an object"}


def read_body(request: Request, required: dict[str, type], optional: dict[str, type]) -> dict[str, Any]:
    """The fields of a JSON object, each of its type (``object`` for any); unknown ones are refused, not ignored."""
    return check_fields(request.data if isinstance(request.data, dict) else {}, required, optional)


def check_fields(body: dict[str, Any], required: dict[str, type], optional: dict[str, type]) -> dict[str, Any]:
    known = required | optional
    errors = {name: ["unknown field"] for name in body if name not in known}
    for name, kind in known.items():
        if name not in body:
            if name in required:
                errors[name] = ["required"]
        elif not isinstance(body[name], kind):
            errors[name] = [f"must be {_CALLED[kind]}"]
    if errors:
        raise Invalid("wrong fields: " + ", ".join(sorted(errors)), errors)
    return body


def read_query(request: Request, *allowed: str) -> dict[str, str]:
    """The query's parameters. An unknown one is refused: a read that ignores it would answer another question."""
    query = request.query_params
    errors = {name: ["unknown parameter"] for name in query if name not in allowed}
    errors |= {name: ["given more than once"] for name in query if len(query.getlist(name)) > 1}
    if errors:
        raise Invalid("the query has wrong parameters: " + ", ".join(sorted(errors)), errors)
    return query.dict()


def read_number(query: dict[str, str], name: str, default: int, least: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and least <= int(text) <= most):
        raise Invalid.field(name, f"a whole number from {least} to {most}")
    return int(text)


def read_flag(query: dict[str, str], name: str) -> bool:
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise Invalid.field(name, "true or false")
    return text == "true"


@dataclass(frozen=True, slots=True)
class Precondition:
    expected_revision: int | None = None
    must_exist: bool = False
    must_not_exist: bool = False


def read_precondition(request: Request) -> Precondition:
    """``If-Match: "REVISION"`` or ``*``, or ``If-None-Match: *``."""
    match = request.headers.get("If-Match")
    none_match = request.headers.get("If-None-Match")
    if match is not None and none_match is not None:
        raise Invalid("If-Match and If-None-Match cannot be used together")
    if none_match is not None:
        if none_match.strip() != "*":
            raise Invalid("a write understands no If-None-Match but *")
        return Precondition(must_not_exist=True)
    if match is None:
        return Precondition()
    if match.strip() == "*":
        return Precondition(must_exist=True)
    found = _ETAG.fullmatch(match.strip())
    if found is None:
        raise Invalid('If-Match takes one revision in quotes, such as "42", or *')
    return Precondition(expected_revision=int(found[1]))


def etag(revision: int) -> str:
    return f'"{revision}"'


def matches_none(request: Request, revision: int) -> bool:
    """Whether ``If-None-Match`` names what the caller would get (then 304 is enough)."""
    return none_matches(request.headers.get("If-None-Match", ""), etag(revision))


def none_matches(header: str, tag: str) -> bool:
    tags = {one.strip().removeprefix("W/") for one in header.split(",")}
    return "*" in tags or tag in tags


def read_request_id(request: Request) -> str:
    """The id under which the group remembers this write. Keys of different users never meet."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return uuid4().hex
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise Invalid("an Idempotency-Key has 1 to 255 visible ASCII characters")
    return "k" + blake2b(f"{request.user.pk}:{key}".encode(), digest_size=16).hexdigest()
