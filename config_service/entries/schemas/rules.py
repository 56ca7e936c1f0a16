"""Rules of a namespace: which keys, and what their values may be. Pure.

``[{"keys": "limits/*", "schema": {…}}, …]``: all rules whose ``keys`` fit a key hold for it. In ``keys``, ``*`` stands
for anything within a segment and ``**`` for anything at all.

The value of a secret cannot be checked while applying, since it is sealed; the node that takes the request checks it
before it seals it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from config_service.entries.schemas import keywords
from config_service.entries.schemas.keywords import Violation
from config_service.entries.validation import json_text, parse_json
from config_service.errors import Unprocessable

MAX_RULES = 200
MAX_BYTES = 128 * 1024
MAX_STARS = 8
MAX_KEYS_LENGTH = 512
_KEYS = re.compile(r"[A-Za-z0-9._\-/*]+")


@dataclass(frozen=True)
class Rule:
    keys: str
    schema: Any

    @cached_property
    def pattern(self) -> Any:
        parts = re.split(r"(\*\*|\*)", self.keys)
        wild = {"**": ".*", "*": "[^/]*"}
        return keywords.compiled("^" + "".join(wild.get(part) or re.escape(part) for part in parts) + "$")

    @cached_property
    def validator(self) -> Any:
        return keywords.validator(self.schema)


@dataclass(frozen=True)
class Rules:
    """``text`` is their JSON text, as it is stored and served."""

    text: str
    rules: tuple[Rule, ...]

    def of(self, key: str) -> Sequence[Rule]:
        return [rule for rule in self.rules if rule.pattern.search(key)]

    def violations(self, key: str, value: Any) -> list[Violation]:
        """What is wrong with ``value`` at ``key``, by all rules that fit it."""
        return [found for rule in self.of(key) for found in keywords.violations(rule.validator, value)]

    def violations_of_text(self, key: str, value_json: str) -> list[Violation]:
        return self.violations(key, json.loads(value_json)) if self.of(key) else []


def read(given: Any) -> Rules:
    """From what a person or a program sent. Raises `Unprocessable` naming the rule at fault."""
    if not isinstance(given, list):
        raise Unprocessable("rules: a list of objects with keys and schema", {"rules": ["must be a list"]})
    if len(given) > MAX_RULES:
        raise Unprocessable.field("rules", f"at most {MAX_RULES} rules")
    rules = tuple(_rule(f"rules[{place}]", one) for place, one in enumerate(given))
    text = json_text([{"keys": rule.keys, "schema": rule.schema} for rule in rules])
    if len(text.encode()) > MAX_BYTES:
        raise Unprocessable.field("rules", f"at most {MAX_BYTES} bytes")
    return Rules(text, rules)


@lru_cache(maxsize=64)
def parse(text: str) -> Rules:
    """From what is stored or proposed. Raises `Invalid`."""
    return read(parse_json(text))


def _rule(place: str, given: Any) -> Rule:
    if not isinstance(given, dict) or given.keys() != {"keys", "schema"}:
        raise Unprocessable.field(place, "an object with keys and schema, and nothing else")
    keys = given["keys"]
    if not isinstance(keys, str) or len(keys) > MAX_KEYS_LENGTH or not _KEYS.fullmatch(keys):
        raise Unprocessable.field(f"{place}.keys", "a key in which * and ** stand for anything")
    if keys.count("*") > MAX_STARS or "***" in keys:
        raise Unprocessable.field(f"{place}.keys", f"at most {MAX_STARS} stars, and no three in a row")
    if complaint := keywords.complaint(given["schema"]):
        raise Unprocessable.field(f"{place}.schema", complaint)
    return Rule(keys, given["schema"])


def told(found: Sequence[Violation]) -> tuple[str, ...]:
    """For people: where, and what."""
    return tuple(f"{one.path or 'the value'}: {one.reason}" for one in found)
