"""What a person wants an entry to be, and which revision of it they have seen."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config_service.entries.snapshots import SECRET, EntrySnapshot


@dataclass(frozen=True, slots=True)
class Draft:
    """``base_revision`` is 0 where there was no entry. The value of a secret is in clear here, never elsewhere."""

    namespace: str
    key: str
    type: str
    value_json: str
    comment: str = ""
    expires_at: datetime | None = None
    base_revision: int = 0

    @property
    def name(self) -> str:
        return f"{self.namespace}/{self.key}"

    @property
    def value(self) -> Any:
        return json.loads(self.value_json)

    @property
    def is_secret(self) -> bool:
        return self.type == SECRET


def draft_of(entry: EntrySnapshot) -> Draft:
    """The entry as it is. A secret's value stays sealed."""
    return Draft(
        entry.namespace, entry.key, entry.type, entry.value_json, entry.comment, expiry_of(entry), entry.revision
    )


def expiry_of(entry: EntrySnapshot | None) -> datetime | None:
    if entry is None or entry.expires_at is None:
        return None
    return datetime.fromisoformat(entry.expires_at)


def to_text(draft: Draft) -> str:
    """For a hidden field, from which `from_text` reads it again."""
    expires = draft.expires_at.isoformat() if draft.expires_at else ""
    return json.dumps(
        [draft.namespace, draft.key, draft.type, draft.value_json, draft.comment, expires, draft.base_revision]
    )


def from_text(text: str) -> Draft | None:
    """None where this is nothing that `to_text` has made."""
    try:
        namespace, key, kind, value_json, comment, expires, base = json.loads(text)
        json.loads(value_json)
        until = datetime.fromisoformat(expires) if expires else None
        return Draft(str(namespace), str(key), str(kind), value_json, str(comment), until, int(base))
    except (ValueError, TypeError):
        return None
