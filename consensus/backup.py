"""A snapshot of a group as one file: what it holds, and whether it is whole.

    MAGIC · length of the header (4 bytes) · header (msgpack) · BLAKE2b of the header (32 bytes) · image

The image is that of images.py, whose size and digest the header names; so a file that was cut, or changed anywhere, is
told before anything is done with it.
"""

from collections.abc import Callable, Iterator
from hashlib import blake2b
from struct import Struct
from typing import IO

import msgspec

from consensus.errors import ConsensusError

MAGIC = b"configuration group snapshot\n"
# Version 2 added the registers.
VERSION = 2
READABLE_VERSIONS = (1, 2)
BLOCK_BYTES = 512 << 10
_LENGTH = Struct(">I")
_MOST_HEADER_BYTES = 64 << 20
_DIGEST_BYTES = 32


class BadSnapshot(ConsensusError):
    """This is no snapshot, or not a whole one, or one of another release. Nothing was changed."""


class BackupHeader(msgspec.Struct, frozen=True):
    """``index`` is the revision of what it holds, ``at`` when it was made (ISO 8601, UTC) by ``node``.

    ``members`` are those of the group then: name and whether it voted. ``registers`` are names and values, as the
    product tells them; None: they are not known.
    """

    version: int
    group: str
    node: str
    index: int
    at: str
    members: tuple[tuple[str, bool], ...]
    size: int
    digest: bytes
    registers: tuple[tuple[str, bytes], ...] | None = None


class _Version(msgspec.Struct):
    version: int


_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.decode


def head_of(header: BackupHeader) -> bytes:
    """What stands before the image."""
    encoded = _encode(header)
    return MAGIC + _LENGTH.pack(len(encoded)) + encoded + _digest(encoded)


def read_header(file: IO[bytes]) -> BackupHeader:
    """The header, with ``file`` standing at the image then. Raises `BadSnapshot`."""
    if file.read(len(MAGIC)) != MAGIC:
        raise BadSnapshot("this is no snapshot of a group")
    length = file.read(_LENGTH.size)
    size = _LENGTH.unpack(length)[0] if len(length) == _LENGTH.size else 0
    encoded = file.read(size) if size <= _MOST_HEADER_BYTES else b""
    if not encoded or len(encoded) < size or file.read(_DIGEST_BYTES) != _digest(encoded):
        raise BadSnapshot("the snapshot's header is damaged")
    try:
        version = _decode(encoded, type=_Version).version
        if version not in READABLE_VERSIONS:
            known = " and ".join(map(str, READABLE_VERSIONS))
            raise BadSnapshot(f"the snapshot has version {version}, this release reads {known}")
        return _decode(encoded, type=BackupHeader)
    except msgspec.DecodeError as error:
        raise BadSnapshot(f"the snapshot's header cannot be read: {error}") from error


def check(file: IO[bytes], say: Callable[[int, int], None] = lambda done, size: None) -> BackupHeader:
    """Read all of ``file``, from its beginning; ``say`` hears how far. Raises `BadSnapshot` unless it is whole."""
    file.seek(0)
    header = read_header(file)
    digest, done = blake2b(digest_size=_DIGEST_BYTES), 0
    for block in blocks(file):
        digest.update(block)
        done += len(block)
        say(min(done, header.size), header.size)
    if done < header.size:
        raise BadSnapshot(f"the snapshot is cut off: {header.size - done} bytes are missing")
    if done > header.size:
        raise BadSnapshot(f"the snapshot has {done - header.size} bytes too many")
    if digest.digest() != header.digest:
        raise BadSnapshot("the snapshot is damaged: its checksum does not match")
    return header


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST_BYTES).digest()
