"""Many rows as one binary parameter: an array of a composite type, which one ``unnest`` turns into rows.

An array for every column costs Postgres a function and a store of its own for each; here a row is taken apart once.
The types are made by migrations and belong to the statements that use them, so that tables may change without them.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain, repeat
from weakref import WeakKeyDictionary

import psycopg

BOOLEAN, BIGINT, TEXT, BYTEA, TIMESTAMPTZ, JSONB = 16, 20, 25, 17, 1184, 3802
# As the type of a parameter: Postgres takes it from the cast.
BY_CAST = 0
_ARRAY = struct.Struct(">iiiii")
_LENGTH = struct.Struct(">i")
_FIELD = struct.Struct(">ii")
_NUMBER = struct.Struct(">iiq")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_NULL_LENGTH = -1

Column = Sequence
Encoder = Callable[[Column], Iterable[bytes]]


def bigints(column: Column) -> Iterable[bytes]:
    return map(_NUMBER.pack, repeat(BIGINT), repeat(8), column)


_TRUE, _FALSE = _FIELD.pack(BOOLEAN, 1) + b"\x01", _FIELD.pack(BOOLEAN, 1) + b"\x00"


def booleans(column: Column) -> Iterable[bytes]:
    return [_TRUE if value else _FALSE for value in column]


def texts(column: Column) -> Iterable[bytes]:
    return [_FIELD.pack(TEXT, len(raw)) + raw for raw in map(str.encode, column)]


def jsonbs(column: Column) -> Iterable[bytes]:
    return [_FIELD.pack(JSONB, len(raw) + 1) + b"\x01" + raw for raw in map(str.encode, column)]


def _text(value: str) -> bytes:
    raw = value.encode()
    return _FIELD.pack(TEXT, len(raw)) + raw


def _time(value: str) -> bytes:
    if not value:
        return _FIELD.pack(TIMESTAMPTZ, _NULL_LENGTH)
    since = datetime.fromisoformat(value) - _EPOCH
    return _NUMBER.pack(TIMESTAMPTZ, 8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


class _Encoded(dict[str, bytes]):
    """Each value is encoded once."""

    def __init__(self, encode: Callable[[str], bytes]):
        super().__init__()
        self._encode = encode

    def __missing__(self, value: str) -> bytes:
        field = self[value] = self._encode(value)
        return field


def same_texts(column: Column) -> Iterable[bytes]:
    """For what is the same in many rows of a batch: an actor, a namespace, an empty comment."""
    return map(_Encoded(_text).__getitem__, column)


def times(column: Column) -> Iterable[bytes]:
    """ISO 8601 with an offset; "" is NULL."""
    return map(_Encoded(_time).__getitem__, column)


def byteas(column: Column) -> list[bytes]:
    return [_FIELD.pack(BYTEA, len(value)) + value for value in column]


class RowType:
    """The composite type ``name``; ``encoders`` are of its attributes, in their order."""

    def __init__(self, name: str, *encoders: Encoder):
        self.name = name
        self._encoders = encoders
        self._head = _LENGTH.pack(len(encoders))

    def of(self, rows: Iterable[Sequence]) -> "Rows":
        return Rows(self, tuple(rows))

    def encode(self, oid: int, rows: Sequence[Sequence]) -> bytes:
        """In Postgres' binary format; ``oid`` is the type's in the database that this goes to."""
        if not rows:
            return _ARRAY.pack(0, 0, oid, 0, 0)[:12]
        columns = zip(*rows, strict=True)
        fields = [encode(column) for encode, column in zip(self._encoders, columns, strict=True)]
        bodies = list(map(b"".join, zip(repeat(self._head, len(rows)), *fields, strict=True)))
        lengths = map(_LENGTH.pack, map(len, bodies))
        head = _ARRAY.pack(1, 0, oid, len(rows), 1)
        return b"".join((head, *chain.from_iterable(zip(lengths, bodies, strict=True))))


class Rows:
    """A parameter, to be used as ``unnest(%s::NAME[])``. Encoded once, however often it is used."""

    __slots__ = ("_encoded", "_rows", "_type")

    def __init__(self, type_: RowType, rows: Sequence[Sequence]):
        self._type = type_
        self._rows = rows
        self._encoded: tuple[int, bytes] | None = None

    def encode(self, connection: psycopg.Connection) -> bytes:
        oid = _oid(connection, self._type.name)
        if self._encoded is None or self._encoded[0] != oid:
            self._encoded = oid, self._type.encode(oid, self._rows)
        return self._encoded[1]


_oids: WeakKeyDictionary[psycopg.Connection, dict[str, int]] = WeakKeyDictionary()


def _oid(connection: psycopg.Connection, name: str) -> int:
    """Each database numbers its types by itself."""
    known = _oids.setdefault(connection, {})
    if name not in known:
        found = connection.execute("SELECT %s::regtype::oid::bigint", (name,)).fetchone()
        assert found is not None
        known[name] = found[0]
    return known[name]
