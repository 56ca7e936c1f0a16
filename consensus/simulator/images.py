"""Images and digests of simulated tables (implement `ports.Images` and `ports.Digests`), made at once."""

from hashlib import blake2b

import msgspec

from consensus.raft.messages import Entry
from consensus.simulator.tables import Tables
from consensus.wire import TableDigest, TablesDigest

READ_BYTES = 1500

decoder = msgspec.msgpack.Decoder(tuple[list[Entry], int])


class MemoryImage:
    """Implements `ports.Image`."""

    def __init__(self, index: int, data: bytes):
        self.index = index
        self.size = len(data)
        self.digest = blake2b(data, digest_size=32).digest()
        self._data = data

    def read(self, offset: int, length: int) -> bytes:
        """A little at a time, so that small images go in many chunks too."""
        return self._data[offset : offset + min(length, READ_BYTES)]

    def close(self) -> None:
        pass


class MemoryReceivedImage:
    """Implements `ports.ReceivedImage`."""

    def __init__(self) -> None:
        self.data = bytearray()

    @property
    def size(self) -> int:
        return len(self.data)

    def append(self, data: bytes) -> None:
        self.data += data

    def digest(self) -> bytes:
        return blake2b(self.data, digest_size=32).digest()

    def close(self) -> None:
        pass


class MemoryImages:
    def __init__(self, tables: Tables):
        self._tables = tables
        self._image: MemoryImage | None = None

    @property
    def busy(self) -> bool:
        return self._image is not None

    def start(self) -> None:
        if self._image is None:
            applied = self._tables.applied
            self._image = MemoryImage(len(applied), msgspec.msgpack.encode((applied, self._tables.damage)))

    def take(self) -> MemoryImage | None:
        image, self._image = self._image, None
        return image

    def receive(self) -> MemoryReceivedImage:
        return MemoryReceivedImage()


class MemoryDigests:
    def __init__(self, tables: Tables):
        self._tables = tables
        self._done: TablesDigest | None = None

    def begin(self, index: int) -> None:
        tables = self._tables
        assert tables.applied_index() == index, f"a digest of {index} at {tables.applied_index()}"
        content = msgspec.msgpack.encode((tables.changes, sorted(tables.answers.items()), tables.damage))
        digest = TableDigest("answers", blake2b(content, digest_size=16).digest())
        self._done = TablesDigest(index, b"one", (digest,))

    def take(self) -> TablesDigest | None:
        done, self._done = self._done, None
        return done
