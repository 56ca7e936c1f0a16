"""Reads of this node's audit trail."""

from dataclasses import dataclass
from typing import Any

from config_service.audit.models import AuditRecord

_FIELDS = (
    "revision", "position", "at", "actor", "channel", "address", "token", "request_id", "action", "targets", "digest",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordSnapshot:
    """``digest`` is hexadecimal: equal digests at one revision mean equal trails up to there."""

    revision: int
    position: int
    at: str
    actor: str
    channel: str
    address: str
    token: str
    request_id: str
    action: str
    targets: list[dict[str, Any]]
    digest: str


def list_records(
    *,
    actor: str = "",
    action: str = "",
    namespace: str = "",
    key: str = "",
    since: int = 0,
    until: int | None = None,
    after: int | None = None,
    newest_first: bool = False,
    limit: int = 100,
) -> tuple[list[RecordSnapshot], bool]:
    """At most ``limit`` records in the order of their revisions, and whether there are more.

    ``since`` and ``until`` are revisions, both included; ``after`` is where the page before ended.
    """
    rows = AuditRecord.objects.filter(revision__gte=since)
    if until is not None:
        rows = rows.filter(revision__lte=until)
    if actor:
        rows = rows.filter(actor=actor)
    if action:
        rows = rows.filter(action=action)
    if namespace:
        target = {"namespace": namespace} | ({"key": key} if key else {})
        rows = rows.filter(targets__contains=[target])
    if after is not None:
        rows = rows.filter(revision__lt=after) if newest_first else rows.filter(revision__gt=after)
    rows = rows.order_by("-revision" if newest_first else "revision")
    found = [_record(row) for row in rows.values_list(*_FIELDS)[: limit + 1]]
    return found[:limit], len(found) > limit


def _record(row: tuple) -> RecordSnapshot:
    *fields, digest = row
    return RecordSnapshot(*fields, bytes(digest).hex())
