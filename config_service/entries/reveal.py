"""Showing a secret: recorded first, by the whole group, then shown."""

from msgspec.structs import replace

from config_service.audit.commands import RecordReveal
from config_service.entries import selectors
from config_service.entries.snapshots import SECRET, EntrySnapshot
from config_service.errors import TypeMismatch
from config_service.proposing import propose
from config_service.sealing.seals import open_sealed


def reveal(actor: str, namespace: str, key: str) -> EntrySnapshot:
    """The entry with its value in clear. Whoever calls this has made sure that the actor may see it.

    It is opened before it is recorded, so that what cannot be opened leaves no record of having been seen, and handed
    out only once the record is applied: any error of the proposal, also an unknown outcome, shows nothing. Every
    asking is its own request, since every asking shows it again.
    """
    entry = selectors.get_entry(namespace, key)
    if entry.type != SECRET:
        raise TypeMismatch.field("type", f"this entry is of type {entry.type}, not a secret: its value is not hidden")
    plain = open_sealed(namespace, key, entry.value_json)
    propose(RecordReveal(namespace, key, entry.revision), actor)
    return replace(entry, value_json=plain)
