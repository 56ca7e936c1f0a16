"""Reads of this node's tables. How fresh they are is the caller's business (`consensus.client`)."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count

from config_service.entries.models import ConfigEntry, Namespace
from config_service.entries.snapshots import SECRET, EntrySnapshot, NamespaceSnapshot, time_text
from config_service.errors import NotFound
from consensus import reads
from consensus.sql import execute

_NAMESPACE_FIELDS = (
    "name", "description", "colour", "protected", "requires_approval", "require_if_match", "schema", "schema_version",
    "revision", "created_revision", "updated_at", "updated_by",
)  # fmt: skip
_ENTRY_FIELDS = (
    "namespace_id", "key", "value", "type", "revision", "created_revision", "version", "updated_at", "updated_by",
    "comment", "expires_at",
)  # fmt: skip

# The type stands in the text, so that the partial index is used whatever the plan.
_SECRECY = """
SELECT EXISTS (SELECT 1 FROM entries_configentry WHERE namespace_id = %s AND key = %s AND type = 'secret'),
       EXISTS (SELECT 1 FROM entries_configentry WHERE namespace_id = %s AND type = 'secret')
"""


@dataclass(frozen=True, slots=True)
class CountedNamespace:
    namespace: NamespaceSnapshot
    entries: int


def applied_revision() -> int:
    """The revision that this node's tables are at: at least that of anything read afterwards."""
    return reads.applied_index()


def list_namespaces() -> list[CountedNamespace]:
    rows = Namespace.objects.annotate(held=Count("entries")).order_by("name").values_list(*_NAMESPACE_FIELDS, "held")
    return [CountedNamespace(_namespace(row[:-1]), row[-1]) for row in rows]


def get_namespace(name: str) -> CountedNamespace:
    row = Namespace.objects.filter(name=name).annotate(held=Count("entries")).values_list(*_NAMESPACE_FIELDS, "held")
    if not row:
        raise _no_namespace(name)
    return CountedNamespace(_namespace(row[0][:-1]), row[0][-1])


def find_entry(namespace: str, key: str) -> EntrySnapshot | None:
    row = ConfigEntry.objects.filter(namespace_id=namespace, key=key).values_list(*_ENTRY_FIELDS).first()
    return _entry(row) if row else None


def entry_id(namespace: str, key: str) -> int | None:
    return ConfigEntry.objects.filter(namespace_id=namespace, key=key).values_list("pk", flat=True).first()


def get_entry(namespace: str, key: str) -> EntrySnapshot:
    entry = find_entry(namespace, key)
    if entry is None:
        require_namespace(namespace)
        raise NotFound(f"there is no entry {key!r} in namespace {namespace!r}")
    return entry


def entries_of(keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], EntrySnapshot]:
    """Those of ``keys``, pairs of namespace and key, that exist."""
    namespaces, names = {key[0] for key in keys}, {key[1] for key in keys}
    rows = ConfigEntry.objects.filter(namespace_id__in=namespaces, key__in=names).values_list(*_ENTRY_FIELDS)
    found = {(entry.namespace, entry.key): entry for entry in map(_entry, rows)}
    return {key: found[key] for key in keys if key in found}


def secrecy_of(namespace: str, key: str) -> tuple[bool, bool]:
    """Whether the entry is a secret, and whether its namespace holds any. Every write without a type asks this."""
    return execute(_SECRECY, namespace, key, namespace).fetchone()


def hold_secrets(namespaces: Collection[str]) -> bool:
    """Whether any of these namespaces holds a secret now."""
    return ConfigEntry.objects.filter(type=SECRET, namespace_id__in=namespaces).exists()


def secrets_among(keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of ``keys``, pairs of namespace and key, that are secrets now."""
    namespaces, names = {key[0] for key in keys}, {key[1] for key in keys}
    found = ConfigEntry.objects.filter(type=SECRET, namespace_id__in=namespaces, key__in=names)
    return set(keys) & set(found.values_list("namespace_id", "key"))


def list_entries(
    namespace: str, prefix: str = "", after: str = "", limit: int = 100
) -> tuple[list[EntrySnapshot], bool]:
    """At most ``limit`` entries in the order of their keys, beginning after the key ``after``; whether there are more.

    Keys are ASCII and ordered by bytes, so those with a prefix lie between it and the prefix followed by a DEL.
    """
    rows = ConfigEntry.objects.filter(namespace_id=namespace, key__gt=after)
    if prefix:
        rows = rows.filter(key__gte=prefix, key__lt=prefix + "\x7f")
    found = [_entry(row) for row in rows.order_by("key").values_list(*_ENTRY_FIELDS)[: limit + 1]]
    if not found:
        require_namespace(namespace)
    return found[:limit], len(found) > limit


_ENTRIES_AND_REVISION = f"""
SELECT applied.index, {", ".join(f"e.{name}" for name in _ENTRY_FIELDS)}
FROM consensus_appliedstate applied
LEFT JOIN entries_configentry e ON e.namespace_id = %s AND e.key >= %s AND e.key < %s
WHERE applied.id = 1 ORDER BY e.key LIMIT %s::bigint
"""


def entries_with_revision(namespace: str, prefix: str = "", most: int | None = None) -> tuple[int, list[EntrySnapshot]]:
    """The entries of a namespace, keys in order, and the revision at which they were exactly these: one statement sees
    one state."""
    rows = execute(_ENTRIES_AND_REVISION, namespace, prefix, prefix + "\x7f", most).fetchall()
    found = [_entry(row[1:]) for row in rows if row[2] is not None]
    if not found:
        require_namespace(namespace)
    return (rows[0][0] if rows else 0), found


def schema_text(namespace: str) -> str:
    """The JSON text of the rules, "" for none, also where there is no such namespace."""
    return Namespace.objects.filter(name=namespace).values_list("schema", flat=True).first() or ""


def require_namespace(name: str) -> None:
    if not Namespace.objects.filter(name=name).exists():
        raise _no_namespace(name)


def _no_namespace(name: str) -> NotFound:
    error = NotFound(f"there is no namespace {name!r}")
    error.code = "namespace_not_found"
    return error


def _namespace(row: tuple) -> NamespaceSnapshot:
    *before, updated_at, updated_by = row
    return NamespaceSnapshot(*before, time_text(updated_at), updated_by)


def _entry(row: tuple) -> EntrySnapshot:
    *before, updated_at, updated_by, comment, expires_at = row
    return EntrySnapshot(
        *before, time_text(updated_at), updated_by, comment, time_text(expires_at) if expires_at else None
    )
