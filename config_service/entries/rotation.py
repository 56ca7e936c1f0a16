"""Sealing every secret anew under the newest key. Can be stopped and run again at any time."""

from collections.abc import Callable
from dataclasses import dataclass

from config_service.entries.commands import ResealEntry
from config_service.entries.models import ConfigEntry, EntryRevision
from config_service.entries.snapshots import SECRET, time_text
from config_service.errors import PreconditionFailed
from config_service.proposing import propose
from config_service.sealing.seals import SealingUnavailable, newest_key_id, open_sealed, parse, seal
from consensus.client import new_request_id


@dataclass(slots=True)
class Rotation:
    """``changed_meanwhile`` had another writer at that moment, who has sealed with that node's key: run it again.
    ``in_history`` counts what history still holds, by key id."""

    key_id: str
    rotated: int
    unchanged: int
    changed_meanwhile: int
    in_history: dict[str, int]


def rotate(actor: str, progress: Callable[[int, int], None] = lambda done, total: None) -> Rotation:
    """Each entry is a proposal of its own, on condition that it is still at the revision that was read. Raises
    `SealingUnavailable` where a key is missing; what was rotated before that stays rotated."""
    newest = newest_key_id()
    if not newest:
        raise SealingUnavailable("the setting SECRET_KEYS holds no key on this node")
    rotation = Rotation(newest, 0, 0, 0, {})
    entries = list(ConfigEntry.objects.filter(type=SECRET).order_by("pk").values_list("pk", flat=True))
    for done, pk in enumerate(entries, 1):
        entry = ConfigEntry.objects.filter(pk=pk, type=SECRET).first()
        if entry is None or parse(entry.value).key_id == newest:
            rotation.unchanged += 1
        elif _rotate_entry(actor, entry):
            rotation.rotated += 1
        else:
            rotation.changed_meanwhile += 1
        progress(done, len(entries))
    rotation.in_history = _in_history(newest)
    return rotation


def _rotate_entry(actor: str, entry: ConfigEntry) -> bool:
    plain = open_sealed(entry.namespace_id, entry.key, entry.value)
    request_id = new_request_id()
    value = seal(entry.namespace_id, entry.key, plain, request_id)
    command = ResealEntry(
        entry.namespace_id,
        entry.key,
        value,
        entry.revision,
        comment=entry.comment,
        expires_at=time_text(entry.expires_at) if entry.expires_at else "",
    )
    try:
        propose(command, actor, request_id)
    except PreconditionFailed:
        return False
    return True


def _in_history(newest: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in EntryRevision.objects.filter(type=SECRET, operation="put").values_list("value", flat=True).iterator():
        key_id = parse(value).key_id
        if key_id != newest:
            found[key_id] = found.get(key_id, 0) + 1
    return found
