"""Reads of this node's audit trail."""

from collections.abc import Iterator

from config_service.audit.digests import ORIGIN, Link, Record
from config_service.audit.models import SNAPSHOT, AuditAnchor, AuditRecord

_FIELDS = (
    "revision", "position", "at", "actor", "channel", "address", "token", "request_id", "action", "targets", "previous",
    "digest",
)  # fmt: skip
CHUNK = 2000


def anchor() -> Link:
    """What the first record that is kept follows."""
    row = AuditAnchor.objects.values_list("revision", "position", "digest").first()
    return Link(row[0], row[1], bytes(row[2])) if row else ORIGIN


def records(until: int | None = None) -> Iterator[Record]:
    """All of them by revision, in chunks of their own, so that the trail may grow to any length and meanwhile."""
    last = -1
    while True:
        rows = AuditRecord.objects.filter(revision__gt=last)
        if until is not None:
            rows = rows.filter(revision__lte=until)
        chunk = [Record.found(**row) for row in rows.order_by("revision").values(*_FIELDS)[:CHUNK]]
        yield from chunk
        if not chunk:
            return
        last = chunk[-1].content.revision


def count_records(until: int | None = None) -> int:
    rows = AuditRecord.objects.all()
    return (rows if until is None else rows.filter(revision__lte=until)).count()


def last_before(at: str) -> int:
    """The revision of the last record before the time ``at``, which is written as in records; 0: there is none."""
    found = AuditRecord.objects.filter(at__lt=at, at__gt="").order_by("-revision").values_list("revision", flat=True)
    return found.first() or 0


def last_snapshot_at() -> str:
    """When the newest snapshot of the group on record was made; "": none is."""
    return AuditRecord.objects.filter(action=SNAPSHOT).order_by("-revision").values_list("at", flat=True).first() or ""


def reaches_back_to() -> str:
    """When the oldest record was made that says when; "": there is none."""
    return AuditRecord.objects.filter(at__gt="").order_by("revision").values_list("at", flat=True).first() or ""


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
) -> tuple[list[Record], bool]:
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
    found = [Record.found(**row) for row in rows.values(*_FIELDS)[: limit + 1]]
    return found[:limit], len(found) > limit
