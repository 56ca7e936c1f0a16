"""The only writer of the audit trail: one more INSERT in the statement of the applying step."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from config_service.audit.digests import ORIGIN, Content, digest
from config_service.envelope import Target
from consensus.origin import Origin
from consensus.rows import RowType, bigints, byteas, jsonbs, same_texts, texts
from consensus.sql import execute, write

_HEAD = "SELECT position, digest FROM audit_auditrecord ORDER BY revision DESC LIMIT 1"
_ANCHOR = "SELECT position, digest FROM audit_auditanchor"
_INSERT = """
INSERT INTO audit_auditrecord
  (revision, position, at, actor, channel, address, token, request_id, action, targets, previous, digest)
SELECT * FROM unnest(%s::audit_record_row[])
"""
RECORD_ROW = RowType(
    "audit_record_row", bigints, bigints, texts, *[same_texts] * 4, texts, same_texts, jsonbs, byteas, byteas
)
_to_json = msgspec.json.Encoder().encode


class Event(NamedTuple):
    """What there is to tell of one applied command."""

    revision: int
    at: str
    actor: str
    origin: Origin
    request_id: str
    action: str
    targets: tuple[Target, ...]


class Trail:
    """Remembers the end of the chain: `reset` when the tables may hold something else."""

    def __init__(self) -> None:
        self._head: tuple[int, bytes] | None = None

    def reset(self) -> None:
        self._head = None

    def append(self, events: Sequence[Event]) -> None:
        """Add one record for each of ``events``, which are in the order of their revisions, to the applying step."""
        if not events:
            return
        position, previous = self._head or self._stored_head()
        rows: list[tuple[object, ...]] = []
        for event in events:
            position += 1
            content = _content(event, position, previous)
            previous = digest(content)
            rows.append((*content, previous))
        write(_INSERT, RECORD_ROW.of(rows))
        self._head = position, previous

    def _stored_head(self) -> tuple[int, bytes]:
        row = execute(_HEAD).fetchone() or execute(_ANCHOR).fetchone() or ORIGIN[1:]
        return row[0], bytes(row[1])


def _content(event: Event, position: int, previous: bytes) -> Content:
    origin = event.origin
    return Content(
        event.revision, position, event.at, event.actor, origin.channel, origin.address, origin.token,
        event.request_id, event.action, _to_json(event.targets).decode(), previous,
    )  # fmt: skip
