"""Reads of this node's change sets. How fresh they are is the caller's business (`consensus.client`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from config_service.changesets.edits import Edit, from_text
from config_service.changesets.models import OPEN, ChangeSet
from config_service.entries.snapshots import time_text
from config_service.errors import NotFound

_FIELDS = (
    "id", "title", "comment", "author", "writers", "state", "namespaces", "edit_count", "digest", "revision",
    "created_at", "updated_at", "updated_by", "approved_by", "approved_at", "approved_digest", "publish_at",
    "scheduled_by", "reason", "published_revision",
)  # fmt: skip
_PIECE = 200


@dataclass(frozen=True, slots=True)
class ChangeSetSnapshot:
    """A list leaves out the ``edits``; there are ``edit_count``. ``approved_digest`` is "" where nobody has approved
    the edits as they are now."""

    id: int
    title: str
    comment: str
    author: str
    writers: tuple[str, ...]
    state: str
    namespaces: tuple[str, ...]
    edit_count: int
    digest: str
    revision: int
    created_at: str
    updated_at: str
    updated_by: str
    approved_by: str
    approved_at: str | None
    approved_digest: str
    publish_at: str | None
    scheduled_by: str
    reason: str
    published_revision: int | None
    edits: tuple[Edit, ...] = field(default=(), repr=False)

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def approved(self) -> bool:
        return bool(self.approved_digest) and self.approved_digest == self.digest


def get_change_set(id: int) -> ChangeSetSnapshot:
    row = ChangeSet.objects.filter(pk=id).values_list(*_FIELDS, "edits").first()
    if row is None:
        raise NotFound(f"there is no change set {id}")
    return _snapshot(row[:-1], from_text(row[-1]))


def list_change_sets(
    *,
    states: Sequence[str] = (),
    namespace: str = "",
    visible: Callable[[tuple[str, ...]], bool] = lambda namespaces: True,
    changed_since: datetime | None = None,
    before: int | None = None,
    limit: int = 100,
) -> tuple[list[ChangeSetSnapshot], bool]:
    """Newest first, those with an id below ``before``; whether there are more. ``visible`` tells by its namespaces
    whether the caller may see one."""
    rows = ChangeSet.objects.order_by("-id")
    if states:
        rows = rows.filter(state__in=states)
    if namespace:
        rows = rows.filter(namespaces__contains=[namespace])
    if changed_since:
        rows = rows.filter(updated_at__gte=changed_since)
    found: list[ChangeSetSnapshot] = []
    while len(found) <= limit:
        piece = rows if before is None else rows.filter(id__lt=before)
        snapshots = [_snapshot(row) for row in piece.values_list(*_FIELDS)[:_PIECE]]
        found += [one for one in snapshots if visible(one.namespaces)]
        if len(snapshots) < _PIECE:
            break
        before = snapshots[-1].id
    return found[:limit], len(found) > limit


def _snapshot(row: Sequence, edits: tuple[Edit, ...] = ()) -> ChangeSetSnapshot:
    given = dict(zip(_FIELDS, row, strict=True))
    for name in ("writers", "namespaces"):
        given[name] = tuple(given[name])
    for name in ("created_at", "updated_at", "approved_at", "publish_at"):
        given[name] = time_text(given[name]) if isinstance(given[name], datetime) else None
    return ChangeSetSnapshot(**given, edits=edits)
