"""JSON Schema (Draft 2020-12) whose verdict is the same on every node, and whose cost is bounded.

The check is part of applying, so one costly value must not hold up the group:

* Regular expressions run on RE2, whose time grows with the text and nothing else. What it does not know (looking ahead
  or behind, back references) is refused when the schema is written.
* Every keyword that is looked at costs a step, references, long texts and lists several, and they may nest so deep
  only. A value that would cost more is refused.
* Nothing is fetched: references lead into the schema itself. ``format`` says nothing about validity, as the standard
  has it by default.
"""

import json
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import re2
from jsonschema import Draft202012Validator, SchemaError, ValidationError, validators

MAX_STEPS = 20_000
MAX_DEPTH = 150
STEPS_A_REFERENCE = 10
CHARACTERS_A_STEP = 256
MAX_REASONS = 10
MAX_REASON_LENGTH = 300

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]


class TooCostly(Exception):
    """Checking this value would take more than it may."""


class BadPattern(Exception):
    """No regular expression that is understood here."""


@dataclass(slots=True)
class _Budget:
    steps: int = MAX_STEPS
    depth: int = 0


_budget: ContextVar[_Budget] = ContextVar("budget")


@dataclass(frozen=True, slots=True)
class Violation:
    """``path`` is a JSON pointer into the value, "" for the value itself."""

    path: str
    reason: str


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise BadPattern(f"{pattern!r} is no regular expression of RE2: {_text(error)}") from None


def _text(error: Exception) -> str:
    found = error.args[0] if error.args else error
    return found.decode(errors="replace") if isinstance(found, bytes) else str(found)


# --- keywords that would run Python's own regular expressions, or take quadratic time --------------------------------
def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not compiled(pattern).search(instance):
        yield ValidationError(f"does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: dict, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for pattern, below in patterns.items():
        for name, value in instance.items():
            if compiled(pattern).search(name):
                yield from validator.descend(value, below, path=name, schema_path=pattern)


def _additional_properties(validator: Any, below: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    named, patterns = schema.get("properties", {}), [compiled(one) for one in schema.get("patternProperties", {})]
    others = [name for name in instance if name not in named and not any(one.search(name) for one in patterns)]
    if isinstance(below, dict):
        for name in others:
            yield from validator.descend(instance[name], below, path=name)
    elif not below and others:
        yield ValidationError("no such property is allowed: " + ", ".join(map(repr, others[:5])))


def _unique_items(validator: Any, unique: bool, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if unique and isinstance(instance, list) and len(set(map(_identity, instance))) < len(instance):
        yield ValidationError("items occur more than once")


def _identity(value: Any) -> str:
    """Equal for what is equal as JSON: the order of members does not matter, 1 equals 1.0, and true is not 1."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_plain(one) for one in value]
        case dict():
            return {name: _plain(one) for name, one in value.items()}
    return value


def _counted(name: str, keyword: Keyword) -> Keyword:
    extra = STEPS_A_REFERENCE if name in ("$ref", "$dynamicRef") else 0

    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        budget = _budget.get()
        budget.steps -= 1 + extra + _size(name, instance)
        if budget.steps < 0:
            raise TooCostly("the value is too large for the rules of its namespace")
        if budget.depth >= MAX_DEPTH:
            raise TooCostly("the rules of its namespace nest too deep for this value")
        budget.depth += 1
        try:
            yield from keyword(validator, value, instance, schema) or ()
        finally:
            budget.depth -= 1

    return check


def _size(name: str, instance: Any) -> int:
    match instance:
        case str():
            return len(instance) // CHARACTERS_A_STEP
        case list() if name == "uniqueItems":
            return len(instance)
    return 0


_OURS: dict[str, Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
_Validator = validators.extend(
    Draft202012Validator,
    {name: _counted(name, keyword) for name, keyword in {**Draft202012Validator.VALIDATORS, **_OURS}.items()},
)


def validator(schema: Any) -> Any:
    """For `violations`. The schema has passed `complaint`."""
    return _Validator(schema)


def violations(checker: Any, value: Any) -> list[Violation]:
    """The first few, in the order of the schema."""
    token = _budget.set(_Budget())
    try:
        return [_violation(error) for error in islice(checker.iter_errors(value), MAX_REASONS)]
    except TooCostly as error:
        return [Violation("", str(error))]
    finally:
        _budget.reset(token)


def _violation(error: ValidationError) -> Violation:
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
    reason = error.message
    return Violation(pointer, reason if len(reason) <= MAX_REASON_LENGTH else reason[: MAX_REASON_LENGTH - 1] + "…")


# --- is it a schema? -------------------------------------------------------------------------------------------------
def complaint(schema: Any) -> str:
    """What is wrong with ``schema``, "" if nothing."""
    if not isinstance(schema, dict | bool):
        return "a schema is an object, or true or false"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = "/".join(map(str, error.absolute_path))
        return f"{where or 'the schema'}: {error.message}"[:MAX_REASON_LENGTH]
    return next(_complaints(schema), "")


def _complaints(schema: Any) -> Iterator[str]:
    """What the standard allows and a group cannot have. Looks at the whole tree: a reference may lead anywhere."""
    nodes, seen = [schema], set()
    while nodes:
        node = nodes.pop()
        if isinstance(node, list):
            nodes.extend(node)
        if not isinstance(node, dict):
            continue
        seen |= node.keys()
        nodes.extend(node.values())
        for name in ("$ref", "$dynamicRef"):
            target = node.get(name, "#")
            if isinstance(target, str) and not _leads_somewhere(schema, target):
                yield f"{name}: {target!r} does not lead into this schema (nothing is fetched)"
        if isinstance(node.get("$id"), str):
            yield "$id: a schema has one place here, and no other name"
        if node.get("$schema", _DRAFT) not in (_DRAFT, f"{_DRAFT}#"):
            yield f"$schema: only {_DRAFT}"
        yield from _bad_patterns(node)
    if "patternProperties" in seen and seen & {"unevaluatedProperties", "unevaluatedItems"}:
        yield "unevaluatedProperties and patternProperties are not understood together"


_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def _leads_somewhere(schema: Any, target: str) -> bool:
    """``#``, a JSON pointer that is there, or an anchor (which the library finds, or `violations` would miss)."""
    if not target.startswith("#"):
        return False
    if not target.startswith("#/"):
        return target == "#" or _has_anchor(schema, target[1:])
    node = schema
    for step in target[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, list) and name.isdigit() and int(name) < len(node):
            node = node[int(name)]
        elif isinstance(node, dict) and name in node:
            node = node[name]
        else:
            return False
    return isinstance(node, dict | bool)


def _has_anchor(schema: Any, anchor: str) -> bool:
    nodes = [schema]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            if anchor in (node.get("$anchor"), node.get("$dynamicAnchor")):
                return True
            nodes.extend(node.values())
        elif isinstance(node, list):
            nodes.extend(node)
    return False


def _bad_patterns(node: dict) -> Iterator[str]:
    patterns = [node["pattern"]] if isinstance(node.get("pattern"), str) else []
    if isinstance(node.get("patternProperties"), dict):
        patterns += list(node["patternProperties"])
    for pattern in patterns:
        try:
            compiled(pattern)
        except BadPattern as error:
            yield f"pattern: {error}"
