"""Hot SQL: prepared statements on Django's connection, and array parameters that cost little to send.

Django's own cursor interpolates parameters into the text on the client; psycopg's binds them on the server and
prepares what is used again. psycopg quotes text arrays item by item; the binary layout below is built in a few calls.
What is more than a list of keys goes as rows (`rows.py`).
"""

import struct
from collections.abc import Sequence
from contextvars import ContextVar, Token
from weakref import WeakKeyDictionary

import psycopg
from django.db import InterfaceError, OperationalError, connection, transaction
from psycopg import Cursor
from psycopg.adapt import Dumper
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGresult

from consensus.rows import BIGINT, BY_CAST, TEXT, Rows

TEXT_ARRAY = 1009
_HEADER = struct.Struct(">iiiii")
_LENGTH = struct.Struct(">i")


class Array:
    """One dimension, no NULLs, in Postgres' binary array format. Build one with the functions below."""

    __slots__ = ("data",)
    array_oid: int

    def __init__(self, element: int, items: Sequence[bytes]):
        pack = _LENGTH.pack
        # An empty array has no dimension, and so none of the two numbers that describe one.
        parts = [_HEADER.pack(1, 0, element, len(items), 1) if items else _HEADER.pack(0, 0, element, 0, 0)[:12]]
        for item in items:
            parts.append(pack(len(item)))
            parts.append(item)
        self.data = b"".join(parts)


class TextArray(Array):
    array_oid = TEXT_ARRAY

    def __init__(self, items: Sequence[str]):
        super().__init__(TEXT, [item.encode() for item in items])


class _EncodedRows:
    """`Rows` for psycopg's cursor."""

    __slots__ = ("data",)

    def __init__(self, data: bytes):
        self.data = data


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array | _EncodedRows) -> bytes:
        return obj.data


class _TextArrayDumper(_Dumper):
    oid = TEXT_ARRAY


class _RowsDumper(_Dumper):
    oid = BY_CAST


psycopg.adapters.register_dumper(TextArray, _TextArrayDumper)
psycopg.adapters.register_dumper(_EncodedRows, _RowsDumper)


class Prepared:
    """One statement, prepared once on one connection and run with binary parameters in a single library call.

    psycopg's cursors do the same with far more around it; here that would be half of the cost. Only for connections
    in autocommit mode, since psycopg would not know of a transaction.
    """

    def __init__(self, connection: psycopg.Connection, name: str, sql: str, types: Sequence[int]):
        self._connection = connection
        self._name = name.encode()
        self._formats = [Format.BINARY] * len(types)
        self._raise(connection.pgconn.prepare(self._name, sql.encode(), types))

    def run(self, *parameters: bytes) -> bytes | None:
        """The first column of the first row, if there is one, in binary. Raises psycopg's errors."""
        result = self._run(parameters)
        return result.get_value(0, 0) if result.ntuples else None

    def run_count(self, *parameters: bytes) -> int:
        """How many rows were written. Raises psycopg's errors."""
        return self._run(parameters).command_tuples or 0

    def _run(self, parameters: Sequence[bytes]) -> PGresult:
        result = self._connection.pgconn.exec_prepared(
            self._name, parameters, self._formats, result_format=Format.BINARY
        )
        self._raise(result)
        return result

    def _raise(self, result: PGresult) -> None:
        if self._connection.pgconn.status != ConnStatus.OK:
            raise psycopg.OperationalError("the connection to Postgres is lost")
        if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise error_from_result(result, encoding="utf-8")


def bigint(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)


def raw_connection() -> psycopg.Connection:
    """The psycopg connection under Django's default one, with server-side preparation switched on. As before Django's
    own queries, one that has died since the last request is replaced."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw = connection.connection
    if raw.prepare_threshold is None:
        raw.prepare_threshold = 2
    return raw


class Writes:
    """What one applying step writes; all of it becomes visible, or none.

    Statements given to `write` are kept back and run as one, in a transaction of its own, which is the cheapest there
    is. Whoever has to write at once (the ORM) calls `begin` first, and then everything shares that transaction.
    Leaving the context writes and commits; an exception rolls back.
    """

    def __init__(self) -> None:
        self._statements: list[tuple[str, tuple[object, ...]]] = []
        self._transaction: transaction.Atomic | None = None
        self._token: Token | None = None

    def __enter__(self) -> "Writes":
        self._token = _current.set(self)
        return self

    def __exit__(self, kind, error, traceback) -> None:
        if self._token is not None:
            _current.reset(self._token)
        try:
            if error is None:
                self._run()
        except BaseException as failure:
            self._end(type(failure), failure, failure.__traceback__)
            raise
        self._end(kind, error, traceback)

    def _end(self, *error: object) -> None:
        if self._transaction is not None:
            self._transaction.__exit__(*error)

    def begin(self) -> None:
        if self._transaction is None:
            self._transaction = transaction.atomic()
            self._transaction.__enter__()

    def add(self, sql: str, *parameters: object) -> None:
        """``sql`` is one INSERT, UPDATE or DELETE. No two of one step touch the same row."""
        self._statements.append((sql, parameters))

    def _run(self) -> None:
        if not self._statements:
            return
        parts = ", ".join(f"w{i} AS ({sql})" for i, (sql, _) in enumerate(self._statements))
        parameters = [parameter for _, given in self._statements for parameter in given]
        # An UPDATE that must hit its row returns it; dividing by the count of w0 makes missing it an error.
        sql = f"WITH {parts} SELECT 1 / count(*) FROM w0"
        if self._transaction is None and _all_prepared(parameters):
            _run_prepared(sql, parameters)
        else:
            execute(sql, *parameters)


def _all_prepared(parameters: Sequence[object]) -> bool:
    return all(isinstance(parameter, int | Array | Rows) for parameter in parameters)


# The statements of an applying step, by connection: there are only as many as there are kinds of steps.
_prepared: WeakKeyDictionary[psycopg.Connection, dict[str, Prepared]] = WeakKeyDictionary()


def _run_prepared(sql: str, parameters: Sequence[int | Array | Rows]) -> None:
    """Run ``sql`` in a transaction of its own, by way of `Prepared`."""
    raw = raw_connection()
    known = _prepared.setdefault(raw, {})
    with connection.wrap_database_errors:
        statement = known.get(sql)
        if statement is None:
            numbered = sql.replace("%s", "${}").format(*range(1, len(parameters) + 1))
            statement = known[sql] = Prepared(raw, f"step{len(known)}", numbered, [_oid(one) for one in parameters])
        statement.run(*[_encoded(raw, one) for one in parameters])


def _oid(parameter: int | Array | Rows) -> int:
    if isinstance(parameter, int):
        return BIGINT
    return BY_CAST if isinstance(parameter, Rows) else parameter.array_oid


def _encoded(raw: psycopg.Connection, parameter: int | Array | Rows) -> bytes:
    if isinstance(parameter, int):
        return bigint(parameter)
    return parameter.encode(raw) if isinstance(parameter, Rows) else parameter.data


_current: ContextVar[Writes | None] = ContextVar("writes", default=None)


def begin() -> None:
    """Before writing at once: make what follows, and what was kept back, one transaction."""
    writes = _current.get()
    if writes is not None:
        writes.begin()


def write(sql: str, *parameters: object) -> None:
    """Write with the rest of the applying step (see `Writes`), or at once where none is going on.

    What depends on it must not be read before the step ends.
    """
    writes = _current.get()
    if writes is None:
        execute(sql, *parameters)
    else:
        writes.add(sql, *parameters)


def execute(sql: str, *parameters: object) -> Cursor:
    """Run ``sql`` in Django's current transaction. Raises Django's database errors."""
    raw = raw_connection()
    with connection.wrap_database_errors:
        given = [_EncodedRows(one.encode(raw)) if isinstance(one, Rows) else one for one in parameters]
        return Cursor(raw).execute(sql, given)


def execute_first(sql: str, *parameters: object) -> Cursor:
    """`execute` for what begins a request, and only reads: where the connection has died since the last request, once
    more on another. It takes the place of the look that Django has at its connection before every request; after
    the first query there is no other connection, since what one of them saw another one may not have yet."""
    replaceable = connection.connection is not None and not connection.health_check_done
    connection.health_check_done = True
    try:
        return execute(sql, *parameters)
    except (OperationalError, InterfaceError):
        if not replaceable or connection.in_atomic_block:
            raise
        connection.close()
        return execute(sql, *parameters)
