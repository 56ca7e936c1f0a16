"""Messages and records in a form that can be read: ``Accept r1 7.n2 value=v3:abc next=8.n2``."""

import msgspec

from consensus.paxos.ballot import ZERO, Ballot
from consensus.paxos.messages import Message, Record
from consensus.paxos.register import Decree, decode


def describe(message: Message) -> str:
    fields = msgspec.structs.asdict(message)
    name, ballot = fields.pop("name"), fields.pop("ballot")
    rest = " ".join(f"{field}={_short(value)}" for field, value in fields.items() if value not in (ZERO, b""))
    return f"{type(message).__name__} {name} {ballot} {rest}".rstrip()


def describe_record(name: str, record: Record | None) -> str:
    if record is None:
        return f"{name} gone"
    return f"{name} promised={record.promised} accepted={record.accepted} value={_short(record.value)}"


def _short(value: object) -> str:
    match value:
        case Ballot():
            return str(value)
        case b"":
            return "none"
        case bytes():
            stored = decode(value)
            if isinstance(stored, Decree):
                return f"decree:{stored.value.decode()}"
            return f"v{stored.version}:{'deleted' if stored.value is None else stored.value.decode()[-40:]}"
        case _:
            return str(value)
