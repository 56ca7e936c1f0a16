"""Reads of the past: what an entry or a namespace was, what has changed since, and how far back that can be told.

A state is named by the revision after which it held. All of them from `Reach.oldest_revision` on can be read.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from config_service.entries import selectors
from config_service.entries.models import IDS_PER_REVISION, EntryRevision, HistoryReach
from config_service.entries.snapshots import ChangeSnapshot, EntrySnapshot, time_text
from config_service.errors import Compacted, FutureRevision, NotFound
from consensus.sql import execute

_FIELDS = (
    "id", "namespace", "key", "revision", "operation", "value", "type", "created_revision", "version", "at", "actor",
    "comment", "expires_at",
)  # fmt: skip
_COLUMNS = ", ".join(f"r.{name}" for name in _FIELDS)
# Steps from key to key, so that the number of an entry's changes does not matter.
_PAST_ENTRIES = f"""
WITH RECURSIVE keys AS (
  (SELECT key FROM entries_entryrevision
   WHERE namespace = %s AND key > %s AND key >= %s AND key < %s ORDER BY key LIMIT 1)
  UNION ALL
  SELECT (SELECT following.key FROM entries_entryrevision following
          WHERE following.namespace = %s AND following.key > keys.key AND following.key < %s
          ORDER BY following.key LIMIT 1)
  FROM keys WHERE keys.key IS NOT NULL
)
SELECT {_COLUMNS} FROM keys CROSS JOIN LATERAL (
  SELECT * FROM entries_entryrevision
  WHERE namespace = %s AND key = keys.key AND id < %s::bigint ORDER BY id DESC LIMIT 1) r
WHERE r.operation = 'put' LIMIT %s::bigint
"""
_CHANGED_KEYS = """
SELECT DISTINCT key FROM entries_entryrevision
WHERE namespace = %s AND id >= %s::bigint AND id < %s::bigint AND key > %s AND key >= %s AND key < %s
ORDER BY key LIMIT %s::bigint
"""
_STATES = f"""
SELECT {_COLUMNS} FROM unnest(%s::text[]) AS wanted (key) CROSS JOIN LATERAL (
  SELECT * FROM entries_entryrevision
  WHERE namespace = %s AND key = wanted.key AND id < %s::bigint ORDER BY id DESC LIMIT 1) r
WHERE r.operation = 'put'
"""
_BEFORE = f"""
SELECT wanted.id, {_COLUMNS}
FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS wanted (namespace, key, id) CROSS JOIN LATERAL (
  SELECT * FROM entries_entryrevision
  WHERE namespace = wanted.namespace AND key = wanted.key AND id < wanted.id ORDER BY id DESC LIMIT 1) r
"""
# Keys are ASCII and ordered by bytes: every key, or everything that begins with a prefix, comes before a DEL.
_LAST = "\x7f"


@dataclass(frozen=True, slots=True)
class Reach:
    """``oldest_at`` is the time of the last change up to ``oldest_revision``; None while nothing was compacted."""

    oldest_revision: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Difference:
    """``old`` is None for an entry that was added, ``new`` for one that was removed."""

    key: str
    old: EntrySnapshot | None
    new: EntrySnapshot | None


def reach() -> Reach:
    row = HistoryReach.objects.values_list("oldest_revision", "oldest_at").first()
    return Reach(*row) if row else Reach(0, None)


def require_reached(revision: int) -> None:
    """Raises `Compacted` where the state at ``revision`` cannot be told any more. To be asked after reading, so that a
    compaction in between is noticed."""
    oldest = reach().oldest_revision
    if revision < oldest:
        raise compacted(revision, oldest)


def require_past(revision: int, applied: int) -> int:
    if revision > applied:
        raise FutureRevision(f"revision {revision} is yet to come: the newest is {applied}", applied)
    return revision


def compacted(revision: int, oldest: int) -> Compacted:
    return Compacted(f"revision {revision} is compacted: history reaches back to revision {oldest}", oldest)


def revision_at(at: datetime) -> int:
    """The revision of the last change at or before ``at``, by the times that the changes were made at."""
    found = EntryRevision.objects.filter(at__lte=at).order_by("-at", "-id").values_list("revision", flat=True).first()
    oldest = reach()
    if oldest.oldest_at is not None and at < oldest.oldest_at:
        raise Compacted(
            f"history reaches back to {time_text(oldest.oldest_at)}, revision {oldest.oldest_revision}",
            oldest.oldest_revision,
        )
    return max(found or 0, oldest.oldest_revision)


def entry_at(namespace: str, key: str, revision: int) -> EntrySnapshot:
    """An entry as it was. Its own changes may be kept from before `Reach.oldest_revision`."""
    row = (
        EntryRevision.objects.filter(namespace=namespace, key=key, id__lt=_end_id(revision))
        .order_by("-id")
        .values_list(*_FIELDS)
        .first()
    )
    if row is None:
        require_reached(revision)
    change = _change(row) if row else None
    if change is None or change.operation == "delete":
        raise NotFound(f"there was no entry {key!r} in namespace {namespace!r} at revision {revision}")
    return change.as_entry()


def entries_at(
    namespace: str, revision: int, prefix: str = "", after: str = "", limit: int = 100
) -> tuple[list[EntrySnapshot], bool]:
    """A page of a namespace as it was, keys in order; whether there are more."""
    end = prefix + _LAST
    rows = execute(
        _PAST_ENTRIES, namespace, after, prefix, end, namespace, end, namespace, _end_id(revision), limit + 1
    ).fetchall()
    require_reached(revision)
    if not rows:
        _require_known(namespace)
    return [_change(row).as_entry() for row in rows[:limit]], len(rows) > limit


def changes(
    namespace: str, key: str | None = None, prefix: str = "", before_id: int | None = None, limit: int = 100
) -> tuple[list[ChangeSnapshot], bool]:
    """The changes of an entry or a namespace, newest first, each with the one before it; whether there are more."""
    rows = EntryRevision.objects.filter(namespace=namespace)
    if key is not None:
        rows = rows.filter(key=key)
    elif prefix:
        rows = rows.filter(key__gte=prefix, key__lt=prefix + _LAST)
    if before_id is not None:
        rows = rows.filter(id__lt=before_id)
    found = [_change(row) for row in rows.order_by("-id").values_list(*_FIELDS)[: limit + 1]]
    if not found and before_id is None:
        if key is None:
            _require_known(namespace)
        else:
            selectors.get_entry(namespace, key)
    return _with_before(found[:limit]), len(found) > limit


def latest(limit: int, namespaces: Collection[str] | None = None) -> list[ChangeSnapshot]:
    """The newest changes in ``namespaces``; None: in all of them."""
    rows = EntryRevision.objects.all() if namespaces is None else EntryRevision.objects.filter(namespace__in=namespaces)
    return [_change(row) for row in rows.order_by("-id").values_list(*_FIELDS)[:limit]]


def keys_changed_since(namespace: str, revision: int) -> dict[str, int]:
    """The keys that have changed after ``revision``, each with the revision of its last change."""
    rows = EntryRevision.objects.filter(namespace=namespace, id__gte=_end_id(revision)).order_by("id")
    found = dict(rows.values_list("key", "revision"))
    require_reached(revision)
    return found


def change_of(namespace: str, key: str, revision: int) -> ChangeSnapshot | None:
    """The change of an entry at exactly this revision, if it is kept."""
    row = EntryRevision.objects.filter(namespace=namespace, key=key, revision=revision).values_list(*_FIELDS).first()
    return _change(row) if row else None


def differences(
    namespace: str,
    old: int,
    new: int,
    *,
    key: str | None = None,
    prefix: str = "",
    after: str = "",
    limit: int = 100,
) -> tuple[list[Difference], str | None]:
    """What is different between two states of a namespace or of one entry in it, keys in order; and the key after
    which there may be more. ``old`` may be the later one."""
    first, last = sorted((_end_id(old), _end_id(new)))
    end = prefix + _LAST
    found = execute(_CHANGED_KEYS, namespace, first, last, after, prefix, end, limit + 1).fetchall()
    keys = [name for (name,) in found[:limit] if key in (None, name)]
    if key is not None:
        keys = [key]
    olds, news = (_states(namespace, keys, revision) for revision in (old, new))
    for revision in (old, new):
        require_reached(revision)
    if not found:
        _require_known(namespace)
    pairs = [Difference(name, olds.get(name), news.get(name)) for name in keys]
    more = keys[-1] if key is None and len(found) > limit else None
    return [pair for pair in pairs if _is_different(pair)], more


def _is_different(pair: Difference) -> bool:
    return _content(pair.old) != _content(pair.new)


def _content(entry: EntrySnapshot | None) -> tuple[str, str] | None:
    return (entry.type, entry.value_json) if entry else None


def _states(namespace: str, keys: list[str], revision: int) -> dict[str, EntrySnapshot]:
    rows = execute(_STATES, keys, namespace, _end_id(revision)).fetchall()
    return {change.key: change.as_entry() for change in map(_change, rows)}


def _with_before(found: list[ChangeSnapshot]) -> list[ChangeSnapshot]:
    wanted = [(change.namespace, change.key, change.id) for change in found]
    if not wanted:
        return []
    namespaces, keys, ids = (list(column) for column in zip(*wanted, strict=True))
    before = {row[0]: _change(row[1:]) for row in execute(_BEFORE, namespaces, keys, ids).fetchall()}
    return [replace(change, before=before.get(change.id)) for change in found]


def _require_known(namespace: str) -> None:
    """A namespace that is gone has a past all the same."""
    if not EntryRevision.objects.filter(namespace=namespace).exists():
        selectors.require_namespace(namespace)


def _end_id(revision: int) -> int:
    """The first id after all changes of ``revision``."""
    return (revision + 1) * IDS_PER_REVISION


def _change(row: Iterable) -> ChangeSnapshot:
    *before, at, actor, comment, expires_at = row
    return ChangeSnapshot(*before, time_text(at), actor, comment, time_text(expires_at) if expires_at else None)
