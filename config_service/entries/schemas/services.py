"""Changing the rules of a namespace: first told what would break, then refused while anything would, unless forced.

Every value is checked here, on this node's tables; what is written after the revision that was seen is checked while
applying, so that a large namespace holds nobody up.
"""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from msgspec.structs import replace

from config_service.entries import selectors, validation
from config_service.entries.commands import PutSchema
from config_service.entries.models import ConfigEntry
from config_service.entries.schemas.rules import Rules, parse, read, told
from config_service.entries.schemas.selectors import SchemaSnapshot, version_of
from config_service.entries.snapshots import SECRET
from config_service.envelope import fingerprint
from config_service.errors import SchemaConflict, SchemaViolation
from config_service.proposing import propose, propose_made
from consensus import reads

MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry whose value breaks the rules."""

    key: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What rules would mean for the values that are there: ``broken`` are the first of ``count``."""

    revision: int
    checked: int
    count: int
    broken: tuple[Broken, ...]


def check_schema(namespace: str, rules: Any) -> Verdict:
    """Which existing values would break ``rules``. Secrets cannot be checked."""
    made = read(rules)
    _check(namespace)
    return _verdict(namespace, made)


def put_schema(
    actor: str,
    namespace: str,
    rules: Any,
    *,
    comment: str = "",
    expected_version: int | None = None,
    force: bool = False,
    request_id: str = "",
) -> SchemaSnapshot:
    """``rules`` as in `rules.read`. `SchemaConflict` where existing values would break them, unless forced."""
    made = read(rules)
    _check(namespace, comment)
    asked = PutSchema(namespace, made.text, comment, 0, expected_version, force)

    def make() -> PutSchema:
        verdict = _verdict(namespace, made)
        if verdict.count and not force:
            detail = f"{verdict.count} of the values that are there would break these rules"
            raise SchemaConflict(detail, verdict.broken, verdict.count)
        return replace(asked, seen_revision=verdict.revision)

    done = propose_made(make, actor, request_id, fingerprint(asked, actor))
    return version_of(namespace, done.version)


def delete_schema(
    actor: str, namespace: str, *, comment: str = "", expected_version: int | None = None, request_id: str = ""
) -> int:
    """Returns the revision from which on every value is good. `NotFound` where that is so already."""
    _check(namespace, comment)
    return propose(PutSchema(namespace, "", comment, 0, expected_version), actor, request_id).revision


def check_value(namespace: str, key: str, value_json: str) -> None:
    """For what applying cannot see: a secret before it is sealed. `SchemaViolation` with paths and reasons."""
    text = selectors.schema_text(namespace)
    found = parse(text).violations_of_text(key, value_json) if text else []
    if found:
        reasons = told(found)
        raise SchemaViolation(f"{key}: {reasons[0]}", {"value": list(reasons)})


def _check(namespace: str, comment: str = "") -> None:
    """The namespace may have been made on another node a moment ago, so the group is asked first."""
    validation.check_namespace(namespace)
    validation.check_text("comment", comment, validation.MAX_COMMENT_LENGTH)
    reads.catch_up()
    selectors.require_namespace(namespace)


def _verdict(namespace: str, rules: Rules) -> Verdict:
    # The revision first: what the rows hold beyond it is looked at again while applying.
    revision = selectors.applied_revision()
    rows = ConfigEntry.objects.filter(namespace_id=namespace).exclude(type=SECRET).order_by("key")
    checked = count = 0
    broken: list[Broken] = []
    for key, value_json in rows.values_list("key", "value").iterator(chunk_size=1000):
        checked += 1
        if found := rules.violations_of_text(key, value_json):
            count += 1
            broken += [Broken(key, one.path, one.reason) for one in islice(found, MOST_TOLD - len(broken))]
    return Verdict(revision, checked, count, tuple(broken))
