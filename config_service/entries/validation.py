"""What a namespace, a key and a value may be. Pure functions; the one place where these rules stand."""

import json
import re
import sys
from typing import Any, NoReturn

from config_service.errors import Invalid, TooLarge, TypeMismatch
from config_service.texts import SURROGATE
from config_service.texts import check_text as check_text

MAX_KEY_LENGTH = 512
MAX_VALUE_BYTES = 512 * 1024
MAX_COMMENT_LENGTH = 2000
MAX_DESCRIPTION_LENGTH = 2000
MAX_DEPTH = 64  # of a value
BODY_DEPTH = MAX_DEPTH + 3  # of what a value comes in: {"then": [{"value": …}]}
MAX_TTL_S = 10 * 366 * 86_400
COLOURS = ("grey", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
# What else is to be found below the path of an entry.
RESERVED_ENDINGS = ("/history", "/rollback", "/reveal")
TYPES = ("string", "integer", "float", "boolean", "json", "secret")

_NAMESPACE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,63})")
_KEY = re.compile(r"[A-Za-z0-9._\-/]+")


def check_namespace(name: str) -> str:
    if not _NAMESPACE.fullmatch(name):
        raise Invalid.field("namespace", "a namespace is 1 to 64 letters, digits, '-' or '_', not starting with a sign")
    return name


def check_key(key: str) -> str:
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        raise Invalid.field("key", f"a key has 1 to {MAX_KEY_LENGTH} characters")
    if not _KEY.fullmatch(key):
        raise Invalid.field("key", "a key is made of letters, digits, '.', '_', '-' and '/'")
    if any(segment in ("", ".", "..") for segment in key.split("/")):
        raise Invalid.field("key", "a key has no empty, '.' or '..' segment between its slashes")
    if key.endswith(RESERVED_ENDINGS):
        raise Invalid.field(
            "key", f"a key does not end in {', '.join(RESERVED_ENDINGS)}: these are paths below an entry"
        )
    return key


def check_prefix(prefix: str) -> str:
    """The start of a key: it may end anywhere, in a slash too."""
    if len(prefix) > MAX_KEY_LENGTH:
        raise Invalid.field("prefix", f"at most {MAX_KEY_LENGTH} characters, as a key has")
    if prefix and not _KEY.fullmatch(prefix):
        raise Invalid.field("prefix", "a prefix is made of letters, digits, '.', '_', '-' and '/'")
    return prefix


def check_ttl(ttl_s: int) -> int:
    if isinstance(ttl_s, bool) or not 1 <= ttl_s <= MAX_TTL_S:
        raise Invalid.field("ttl_s", f"a whole number of seconds from 1 to {MAX_TTL_S}")
    return ttl_s


def check_colour(colour: str) -> str:
    if colour and colour not in COLOURS:
        raise Invalid.field("colour", f"one of {', '.join(COLOURS)}, or nothing")
    return colour


def check_type(kind: str) -> str:
    if kind not in TYPES:
        raise Invalid.field("type", f"one of {', '.join(TYPES)}")
    return kind


def parse_json(data: bytes | str, max_depth: int = MAX_DEPTH) -> Any:
    """JSON by the letter of RFC 8259, and unambiguous: what one reader sees is what every reader sees.

    Raises `Invalid` without a field; the caller knows what it was parsing.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise Invalid(f"not UTF-8: {error.reason} at byte {error.start}") from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_pairs,
            parse_constant=_no_constant,
            parse_float=_finite_float,
            parse_int=_short_int,
        )
    except RecursionError:
        raise Invalid(f"nested deeper than {max_depth} levels") from None
    except ValueError as error:
        raise Invalid(f"not JSON: {error}") from error
    check_tree(value, max_depth)
    return value


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        double = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise Invalid(f"the name {double!r} occurs twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Invalid(f"{name} is not JSON")


def _short_int(text: str) -> int:
    """Python converts no more digits, since that would take long."""
    try:
        return int(text)
    except ValueError:
        raise Invalid(f"a whole number has at most {sys.get_int_max_str_digits()} digits") from None


def _finite_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Invalid(f"the number {text[:40]} is too large")
    return value


def check_tree(value: Any, max_depth: int = MAX_DEPTH) -> None:
    """Depth and lone surrogates, without recursion of our own."""
    level, depth = [value], 0
    while level:
        below: list[Any] = []
        containers = False
        for item in level:
            if isinstance(item, dict):
                containers = True
                below.extend(item)
                below.extend(item.values())
            elif isinstance(item, list):
                containers = True
                below.extend(item)
            elif isinstance(item, str) and SURROGATE.search(item):
                raise Invalid("a lone surrogate is not a character")
        depth += containers
        if depth > max_depth:
            raise Invalid(f"nested deeper than {max_depth} levels")
        level = below


def json_text(value: Any, sort_keys: bool = False) -> str:
    """Compact, UTF-8 as it is; names in the order they were given, unless sorted."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=sort_keys)


def canonical(value: Any) -> str:
    """The text that is stored and served. Raises `TooLarge`, or `Invalid` for what is nested too deep."""
    if isinstance(value, dict | list):
        check_tree(value)
    text = json_text(value)
    size = len(text.encode())
    if size > MAX_VALUE_BYTES:
        raise TooLarge.field("value", f"a value has at most {MAX_VALUE_BYTES} bytes, this one {size}")
    return text


def same_json(left: Any, right: Any) -> bool:
    """Equal as JSON: the order of members does not matter, 1 equals 1.0, and true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(left[name], right[name]) for name in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    return left == right


def infer_type(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "float"
        case str():
            return "string"
    return "json"


def fits(kind: str, value: Any) -> bool:
    """Whether ``value`` may be stored as ``kind``. A whole number is a float too; anything is json, or secret."""
    natural = infer_type(value)
    return kind == "secret" or type_to_keep(kind, natural) == kind


def type_to_keep(existing: str, natural: str) -> str:
    """The type of an entry of type ``existing`` after it got a value whose own type is ``natural``."""
    if existing in (natural, "json") or (existing == "float" and natural == "integer"):
        return existing
    return natural


def check_fits(kind: str, value: Any) -> None:
    if not fits(kind, value):
        detail = f"the value is of type {infer_type(value)}, not {kind}"
        raise TypeMismatch.field("value", detail)
