"""The rules of a namespace, as they are and as they were."""

from dataclasses import dataclass

from config_service.entries.models import SchemaVersion
from config_service.entries.selectors import get_namespace
from config_service.entries.snapshots import time_text
from config_service.errors import NotFound

_FIELDS = ("namespace", "version", "rules", "id", "at", "actor", "comment", "forced")


@dataclass(frozen=True, slots=True)
class SchemaSnapshot:
    """``rules_json`` is "" where the rules were taken away."""

    namespace: str
    version: int
    rules_json: str
    revision: int
    updated_at: str
    updated_by: str
    comment: str
    forced: bool


def current(namespace: str) -> SchemaSnapshot:
    """`NotFound` where the namespace has no rules."""
    found = get_namespace(namespace).namespace
    if not found.schema:
        raise NotFound(f"namespace {namespace!r} has no schema")
    return version_of(namespace, found.schema_version)


def version_of(namespace: str, version: int) -> SchemaSnapshot:
    row = SchemaVersion.objects.filter(namespace=namespace, version=version).values_list(*_FIELDS).first()
    if row is None:
        raise NotFound(f"the schema of {namespace!r} has no version {version}")
    return _snapshot(row)


def versions(namespace: str, before: int | None = None, limit: int = 100) -> tuple[list[SchemaSnapshot], bool]:
    """Newest first, from below the version ``before``; whether there are more. Also of a namespace that is gone."""
    rows = SchemaVersion.objects.filter(namespace=namespace)
    if before is not None:
        rows = rows.filter(version__lt=before)
    found = [_snapshot(row) for row in rows.order_by("-version").values_list(*_FIELDS)[: limit + 1]]
    return found[:limit], len(found) > limit


def _snapshot(row: tuple) -> SchemaSnapshot:
    namespace, version, rules, revision, at, actor, comment, forced = row
    return SchemaSnapshot(namespace, version, rules, revision, time_text(at), actor, comment, forced)
