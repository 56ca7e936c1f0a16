"""Hot SQL: prepared statements on Django's connection, and array parameters that cost little to send.

Django's own cursor interpolates parameters into the text on the client; psycopg's binds them on the server and
prepares what is used again. psycopg quotes text arrays item by item; the binary layout below is built in a few calls,
which at 64 rows a statement is a third of the applying transaction's time.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import psycopg
from django.db import connection
from psycopg import Cursor
from psycopg.adapt import Dumper
from psycopg.pq import Format

_BIGINT, _TEXT, _BYTEA = 20, 25, 17
_HEADER = struct.Struct(">iiiii")
_LENGTH = struct.Struct(">i")


class Array:
    """One dimension, no NULLs, in Postgres' binary array format. Build one with the functions below."""

    __slots__ = ("data",)

    def __init__(self, element: int, items: Sequence[bytes]):
        pack = _LENGTH.pack
        # An empty array has no dimension, and so none of the two numbers that describe one.
        parts = [_HEADER.pack(1, 0, element, len(items), 1) if items else _HEADER.pack(0, 0, element, 0, 0)[:12]]
        for item in items:
            parts.append(pack(len(item)))
            parts.append(item)
        self.data = b"".join(parts)


class BigintArray(Array):
    def __init__(self, items: Sequence[int]):
        super().__init__(_BIGINT, [item.to_bytes(8, "big", signed=True) for item in items])


class TextArray(Array):
    def __init__(self, items: Sequence[str]):
        super().__init__(_TEXT, [item.encode() for item in items])


class BytesArray(Array):
    def __init__(self, items: Sequence[bytes]):
        super().__init__(_BYTEA, items)


def _register(kind: type[Array], array_oid: int) -> None:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = array_oid

        def dump(self, obj: Array) -> bytes:
            return obj.data

    psycopg.adapters.register_dumper(kind, ArrayDumper)


_register(BigintArray, 1016)
_register(TextArray, 1009)
_register(BytesArray, 1001)


def raw_connection() -> psycopg.Connection:
    """The psycopg connection under Django's default one, with server-side preparation switched on."""
    connection.ensure_connection()
    raw = connection.connection
    if raw.prepare_threshold is None:
        raw.prepare_threshold = 2
    return raw


class Writes:
    """Statements whose results nobody looks at, kept back so that they travel in one round trip with the commit."""

    def __init__(self) -> None:
        self._statements: list[tuple[str, tuple[object, ...]]] = []

    def add(self, sql: str, *parameters: object) -> None:
        self._statements.append((sql, parameters))

    def commit(self) -> None:
        """Run them in order and commit. Raises Django's database errors; nothing is committed then."""
        raw = raw_connection()
        with connection.wrap_database_errors, raw.pipeline():
            for sql, parameters in self._statements:
                Cursor(raw).execute(sql, parameters)
            raw.commit()


_deferred: ContextVar[Writes | None] = ContextVar("deferred", default=None)


@contextmanager
def deferring(writes: Writes) -> Iterator[None]:
    """Within it, `write` adds to ``writes`` instead of running the statement."""
    token = _deferred.set(writes)
    try:
        yield
    finally:
        _deferred.reset(token)


def write(sql: str, *parameters: object) -> None:
    """Run a statement whose result does not matter: with the commit where writes are deferred, else at once.

    What depends on it must not be read before the commit.
    """
    writes = _deferred.get()
    if writes is None:
        execute(sql, *parameters)
    else:
        writes.add(sql, *parameters)


def execute(sql: str, *parameters: object) -> Cursor:
    """Run ``sql`` in Django's current transaction. Raises Django's database errors."""
    raw = raw_connection()
    with connection.wrap_database_errors:
        return Cursor(raw).execute(sql, parameters)
