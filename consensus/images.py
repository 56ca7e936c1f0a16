"""Images of the replicated tables: made in one consistent read, sent to a node that needs them, loaded in one step.

An image is a zlib stream of a header (format, applied index, tables with their columns) and of each table's rows as
Postgres' COPY writes them, cut into blocks. It goes through temporary files, so that memory stays bounded however
large the tables are. A table that is not the same on every node in every byte (links to rows that each node numbers by
itself) says how its rows are exported and inserted: see `ports.ReplicatedTable`.
"""

import logging
import tempfile
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from struct import Struct
from typing import IO

import msgspec
import psycopg

from consensus.errors import InvariantViolation, UnknownVersion
from consensus.ports import Image, ReplicatedTable

logger = logging.getLogger(__name__)

FORMAT = 1
BLOCK_BYTES = 256 << 10
LENGTH = Struct(">I")
SESSION = "SET datestyle = 'ISO'; SET timezone = 'UTC'; SET extra_float_digits = 1; SET bytea_output = 'hex'"
COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = %s ORDER BY column_name
"""
OWN_TABLES = (
    ReplicatedTable("consensus_appliedstate"),
    ReplicatedTable("consensus_appliedrequest"),
    ReplicatedTable("consensus_member"),
)


class Header(msgspec.Struct, frozen=True, array_like=True):
    format: int
    index: int
    tables: tuple[tuple[str, tuple[str, ...]], ...]


_encode = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(Header)


def columns_of(connection: psycopg.Connection, table: ReplicatedTable) -> tuple[str, ...]:
    return table.columns or tuple(row[0] for row in connection.execute(COLUMNS, (table.name,)))


def query_of(table: ReplicatedTable, columns: Sequence[str]) -> str:
    """The rows of ``table`` as they are the same on every node."""
    return table.export or f"SELECT {', '.join(quoted(columns))} FROM {table.name}"


def quoted(columns: Sequence[str]) -> list[str]:
    return [f'"{column}"' for column in columns]


class FileImage:
    """A finished image in a temporary file (implements `ports.Image`)."""

    def __init__(self, index: int, file: IO[bytes], size: int, digest: bytes):
        self.index = index
        self.size = size
        self.digest = digest
        self._file = file

    def read(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)

    def close(self) -> None:
        self._file.close()


class PostgresReceivedImage:
    """An image on its way in, in a temporary file (implements `ports.ReceivedImage`)."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="image-")  # noqa: SIM115 (closed by `close`)
        self._digest = blake2b(digest_size=32)
        self.size = 0

    def append(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def digest(self) -> bytes:
        return self._digest.digest()

    def blocks(self) -> Iterator[bytes]:
        self._file.seek(0)
        while block := self._file.read(BLOCK_BYTES):
            yield block

    def close(self) -> None:
        self._file.close()


class _Writer:
    """Compresses, counts and digests what is written."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(prefix="image-")  # noqa: SIM115 (handed on in the image)
        self._compressor = zlib.compressobj(1)
        self._digest = blake2b(digest_size=32)
        self._size = 0

    def block(self, data: bytes) -> None:
        self._put(self._compressor.compress(LENGTH.pack(len(data)) + data))

    def _put(self, data: bytes) -> None:
        self.file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def finish(self, index: int) -> FileImage:
        self._put(self._compressor.flush())
        return FileImage(index, self.file, self._size, self._digest.digest())


@contextmanager
def closing_on_error(writer: _Writer) -> Iterator[_Writer]:
    """The file lives on in the image; without an image it goes."""
    try:
        yield writer
    except BaseException:
        writer.file.close()
        raise


class PostgresImages:
    """Makes images in a thread and on a connection of their own (implements `ports.Images`)."""

    def __init__(self, dsn: str, tables: Sequence[ReplicatedTable]):
        self._dsn = dsn
        self._tables = (*OWN_TABLES, *tables)
        self._thread: threading.Thread | None = None
        self._image: FileImage | None = None

    @property
    def busy(self) -> bool:
        return self._image is not None or (self._thread is not None and self._thread.is_alive())

    def start(self) -> None:
        if not self.busy:
            self._thread = threading.Thread(target=self._make, name="image", daemon=True)
            self._thread.start()

    def take(self) -> Image | None:
        image, self._image = self._image, None
        return image

    def receive(self) -> PostgresReceivedImage:
        return PostgresReceivedImage()

    def _make(self) -> None:
        try:
            with psycopg.connect(self._dsn, connect_timeout=3) as connection:
                self._image = make(connection, self._tables)
        except (psycopg.Error, OSError) as error:
            logger.warning("no image of the tables could be made: %s", str(error).strip())


@contextmanager
def snapshot_of_tables(connection: psycopg.Connection) -> Iterator[int]:
    """One consistent read of the tables, of the applied index that it gives, however long it takes."""
    connection.execute(SESSION)
    connection.commit()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    with connection.transaction():
        (index,) = connection.execute("SELECT index FROM consensus_appliedstate").fetchone() or (0,)
        yield index


def make(connection: psycopg.Connection, tables: Sequence[ReplicatedTable]) -> FileImage:
    """An image of ``tables``; its index is the applied index that this sees."""
    with snapshot_of_tables(connection) as index:
        return make_in(connection, index, tables)


def make_in(connection: psycopg.Connection, index: int, tables: Sequence[ReplicatedTable]) -> FileImage:
    """The same within the transaction of `snapshot_of_tables`, which gave ``index``."""
    with closing_on_error(_Writer()) as writer:
        columns = [columns_of(connection, table) for table in tables]
        names = tuple(table.name for table in tables)
        writer.block(_encode(Header(FORMAT, index, tuple(zip(names, columns, strict=True)))))
        for table, chosen in zip(tables, columns, strict=True):
            with connection.cursor().copy(f"COPY ({query_of(table, chosen)}) TO STDOUT") as copy:
                for data in _blocks(copy):
                    writer.block(data)
            writer.block(b"")
        return writer.finish(index)


def _blocks(rows) -> Iterator[bytes]:
    """Rows gathered into blocks of a sensible size."""
    waiting: list[bytes] = []
    size = 0
    for row in rows:
        waiting.append(bytes(row))
        size += len(row)
        if size >= BLOCK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)


def load(
    connection: psycopg.Connection, image: PostgresReceivedImage, index: int, tables: Sequence[ReplicatedTable]
) -> None:
    """Replace ``tables`` by ``image``, of ``index``, in the connection's transaction.

    Raises `UnknownVersion` where the image is of another release, `InvariantViolation` where it is not of ``index``.
    """
    tables = (*OWN_TABLES, *tables)
    blocks = _read_blocks(image.blocks())
    header = _header(next(blocks, b""))
    here = tuple((table.name, columns_of(connection, table)) for table in tables)
    if header.tables != here:
        raise UnknownVersion("the image holds other tables or columns than this release has: run the same release")
    if header.index != index:
        raise InvariantViolation(f"the image is of index {header.index}, not of {index} as was announced")
    for table in reversed(tables):
        connection.execute(f"DELETE FROM {table.name}")
    try:
        for table, (_, columns) in zip(tables, here, strict=True):
            _load_table(connection, table, columns, blocks)
    except (StopIteration, zlib.error) as error:
        raise InvariantViolation("the image ends too early") from error


def _header(block: bytes) -> Header:
    if not block:
        raise InvariantViolation("the image ends too early")
    try:
        header = _decoder.decode(block)
    except msgspec.DecodeError as error:
        raise UnknownVersion(f"this release cannot read the image: {error}") from error
    if header.format != FORMAT:
        raise UnknownVersion(f"the image has format {header.format}, this release reads {FORMAT}")
    return header


def _load_table(
    connection: psycopg.Connection, table: ReplicatedTable, columns: Sequence[str], blocks: Iterator[bytes]
) -> None:
    target = table.name
    if table.insert:
        target = f"staging_{table.name}"
        connection.execute(f"CREATE TEMPORARY TABLE {target} ON COMMIT DROP AS {table.export} WITH NO DATA")
    with connection.cursor().copy(f"COPY {target} ({', '.join(quoted(columns))}) FROM STDIN") as copy:
        while block := next(blocks):
            copy.write(block)
    if table.insert:
        connection.execute(table.insert.format(staging=target))


def _read_blocks(compressed: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks that `_Writer.block` was given."""
    decompressor = zlib.decompressobj()
    waiting = bytearray()
    for data in compressed:
        waiting += decompressor.decompress(data)
        while len(waiting) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(waiting)
            if len(waiting) < LENGTH.size + length:
                break
            yield bytes(waiting[LENGTH.size : LENGTH.size + length])
            del waiting[: LENGTH.size + length]
