"""How a change and the other events of a stream are written (HTML standard, section 9.2: Server-sent events)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from config_service.api.renderers import to_json
from config_service.entries.models import IDS_PER_REVISION
from config_service.entries.snapshots import ChangeSnapshot

MOST_BYTES = 8 * 1024 * 1024


def event_body(change: ChangeSnapshot) -> dict[str, Any]:
    """What a watch tells of a change, and history with what was before. The value of a delete is null, and so is that
    of a secret, which is read by asking for it."""
    return {
        "namespace": change.namespace,
        "key": change.key,
        "revision": change.revision,
        "operation": change.operation,
        "value": msgspec.Raw(change.shown_json.encode()),
        **({"masked": True} if change.masked else {}),
        "type": change.type,
        "created_revision": change.created_revision,
        "version": change.version,
        "time": change.at,
        "actor": change.actor,
        "comment": change.comment,
        "expires_at": change.expires_at,
    }


def event_id(position: int) -> str:
    """The id of the event after which everything up to ``position`` was told: see `streams`."""
    revision, place = divmod(position, IDS_PER_REVISION)
    return str(revision) if place == IDS_PER_REVISION - 1 else f"{revision}.{place + 1}"


def event(name: str, body: dict[str, Any] | bytes, id: str | None = None) -> bytes:
    """``id`` "" makes a reader forget the last one."""
    data = body if isinstance(body, bytes) else to_json(body)
    return b"%sevent: %s\ndata: %s\n\n" % (b"" if id is None else f"id: {id}\n".encode(), name.encode(), data)


class EventTexts:
    """Renders a change once for all who are told of it about the same time."""

    def __init__(self) -> None:
        self._data: dict[int, bytes] = {}
        self._bytes = 0

    def revision(self, changes: Sequence[ChangeSnapshot]) -> list[bytes]:
        """The events of one revision. Only the last has the whole revision as its id."""
        last = changes[-1]
        return [
            event("change", self._text(change), str(change.revision) if change is last else event_id(change.id))
            for change in changes
        ]

    def _text(self, change: ChangeSnapshot) -> bytes:
        data = self._data.get(change.id)
        if data is None:
            data = to_json(event_body(change))
            if self._bytes > MOST_BYTES:
                self._data.clear()
                self._bytes = 0
            self._data[change.id] = data
            self._bytes += len(data)
        return data
