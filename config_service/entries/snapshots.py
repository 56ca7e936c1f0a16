"""What the product tells about a namespace or an entry, whoever asks: admin, REST, commands."""

from dataclasses import dataclass
from datetime import UTC, datetime


def time_text(at: datetime) -> str:
    """As the proposer wrote it, so that a read shows the time exactly as the answer to the write did."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class NamespaceSnapshot:
    name: str
    description: str
    revision: int
    created_revision: int
    updated_at: str
    updated_by: str


@dataclass(frozen=True, slots=True)
class EntrySnapshot:
    """``value_json`` is the value's JSON text, which is passed on as it is, never parsed and written again."""

    namespace: str
    key: str
    value_json: str
    type: str
    revision: int
    created_revision: int
    version: int
    updated_at: str
    updated_by: str
    comment: str
