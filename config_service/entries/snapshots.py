"""What the product tells about a namespace or an entry, whoever asks: admin, REST, commands."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec


def time_text(at: datetime) -> str:
    """As the proposer wrote it, so that a read shows the time exactly as the answer to the write did."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


SECRET = "secret"


def shown(kind: str, value_json: str) -> str:
    """What everybody sees who may read: of a secret, only that there is one."""
    return "null" if kind == SECRET else value_json


@dataclass(frozen=True, slots=True)
class NamespaceSnapshot:
    """``schema`` is the JSON text of its rules, "" for none; ``schema_version`` counts their changes."""

    name: str
    description: str
    colour: str
    protected: bool
    requires_approval: bool
    require_if_match: bool
    schema: str
    schema_version: int
    revision: int
    created_revision: int
    updated_at: str
    updated_by: str


class EntrySnapshot(msgspec.Struct, frozen=True, gc=False):
    """``value_json`` is the value's JSON text, which is passed on as it is, never parsed and written again; that of a
    secret is sealed (`config_service.sealing`)."""

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
    expires_at: str | None = None

    @property
    def masked(self) -> bool:
        return self.type == SECRET

    @property
    def shown_json(self) -> str:
        return shown(self.type, self.value_json)


class ChangeSnapshot(msgspec.Struct, frozen=True, gc=False):
    """One change in an entry's history. ``before`` is the change before it: None where there was none, or where it is
    compacted (then ``version`` is above 1, or a delete comes first)."""

    id: int
    namespace: str
    key: str
    revision: int
    operation: str
    value_json: str
    type: str
    created_revision: int
    version: int
    at: str
    actor: str
    comment: str
    expires_at: str | None
    before: "ChangeSnapshot | None" = None

    @property
    def masked(self) -> bool:
        return self.type == SECRET and self.operation == "put"

    @property
    def shown_json(self) -> str:
        return shown(self.type, self.value_json)

    def as_entry(self) -> EntrySnapshot:
        """The entry as this change left it."""
        return EntrySnapshot(
            self.namespace, self.key, self.value_json, self.type, self.revision, self.created_revision, self.version,
            self.at, self.actor, self.comment, self.expires_at,
        )  # fmt: skip
