"""A namespace, or the keys of it that begin with a prefix, as a file that an import reads again."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from config_service.audit.commands import RecordExport
from config_service.entries import history, selectors, validation
from config_service.entries.imports import MAX_ITEMS
from config_service.entries.snapshots import SECRET, EntrySnapshot
from config_service.entries.transfer.documents import FILE_DEPTH, OMITTED, Document, Header, Item
from config_service.entries.transfer.formats import Format
from config_service.errors import Invalid, TooLarge
from config_service.proposing import propose
from config_service.sealing.seals import open_sealed

SEALED, OMIT, PLAIN = "sealed", "omit", "plain"
SECRETS = (SEALED, OMIT, PLAIN)
MAX_EXPORT_BYTES = 64 * 1024 * 1024
_PAGE = 1000
# Names of keys in one record of the audit trail: so few that they fit into one command.
_RECORDED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Exported:
    text: str
    revision: int
    entries: int
    format: Format

    @property
    def data(self) -> bytes:
        return self.text.encode()


def export(
    actor: str,
    namespace: str,
    format: Format,
    *,
    prefix: str = "",
    secrets: str = SEALED,
    revision: int | None = None,
    keys: Collection[str] | None = None,
) -> Exported:
    """As of ``revision``, or now; with ``keys`` only those. Secrets stay ``sealed``, so that only a group with the
    same keys can use them; or are left out (``omit``); or are handed out in ``plain``, once the audit trail says so:
    whoever calls this has made sure that the actor may see them. Raises `TooLarge`."""
    validation.check_namespace(namespace)
    validation.check_prefix(prefix)
    if secrets not in SECRETS:
        raise Invalid.field("secrets", f"one of {', '.join(SECRETS)}")
    if revision is None:
        revision, entries = selectors.entries_with_revision(namespace, prefix, MAX_ITEMS + 1)
    else:
        entries = _entries_at(namespace, revision, prefix)
    if len(entries) > MAX_ITEMS or sum(len(entry.value_json) for entry in entries) > MAX_EXPORT_BYTES:
        raise TooLarge(
            f"an export has at most {MAX_ITEMS} entries and {MAX_EXPORT_BYTES} bytes of values: "
            "choose some of the keys by a prefix"
        )
    if keys is not None:
        wanted = set(keys)
        entries = [entry for entry in entries if entry.key in wanted]
    if secrets == OMIT:
        entries = [entry for entry in entries if entry.type != SECRET]
    plain = _opened(entries) if secrets == PLAIN else {}
    header = Header(namespace, revision, prefix, OMITTED if secrets == OMIT else "")
    document = Document(tuple(_item(entry, plain.get(entry.key)) for entry in entries), header, marked=True)
    text = format.write(document)
    _record(actor, namespace, list(plain), revision)
    return Exported(text, revision, len(entries), format)


def _entries_at(namespace: str, revision: int, prefix: str) -> list[EntrySnapshot]:
    found: list[EntrySnapshot] = []
    more = True
    while more and len(found) <= MAX_ITEMS:
        after = found[-1].key if found else ""
        page, more = history.entries_at(namespace, revision, prefix, after, _PAGE)
        found += page
    return found


def _opened(entries: Iterable[EntrySnapshot]) -> dict[str, str]:
    return {
        entry.key: open_sealed(entry.namespace, entry.key, entry.value_json)
        for entry in entries
        if entry.type == SECRET
    }


def _record(actor: str, namespace: str, keys: Sequence[str], revision: int) -> None:
    """Before the file leaves: any error here, also an unknown outcome, hands out nothing."""
    waiting = iter(keys)
    while some := tuple(islice(waiting, _RECORDED_AT_ONCE)):
        propose(RecordExport(namespace, some, revision), actor)


def _item(entry: EntrySnapshot, plain: str | None) -> Item:
    sealed = entry.type == SECRET and plain is None
    value = validation.parse_json(plain or entry.value_json, FILE_DEPTH)
    return Item(entry.key, value, entry.type, sealed, comment=entry.comment, expires_at=entry.expires_at or "")
