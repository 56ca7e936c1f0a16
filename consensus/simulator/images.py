"""Images of simulated tables (implements `ports.Images`): the applied entries as bytes, made at once."""

from hashlib import blake2b

import msgspec

from consensus.raft.messages import Entry
from consensus.simulator.tables import Tables

READ_BYTES = 1500

decoder = msgspec.msgpack.Decoder(list[Entry])


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
            self._image = MemoryImage(len(applied), msgspec.msgpack.encode(applied))

    def take(self) -> MemoryImage | None:
        image, self._image = self._image, None
        return image

    def receive(self) -> MemoryReceivedImage:
        return MemoryReceivedImage()
