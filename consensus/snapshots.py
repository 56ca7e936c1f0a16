"""Images of the state machine on their way from the leader to a node whose next entries are gone from the log (P 7).

The leader has one image made, beside its thread, and sends it in chunks; each answer names the next byte wanted, so a
lost chunk, a doubled one or a break of minutes costs no more than what was lost. The receiver keeps the bytes in a file
beside its tables, which stay as they are until all has arrived and the checksum holds; then tables and log are replaced
in one durable step. An image of what the receiver has already is answered as done.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from consensus.ports import Image, Images, ReceivedImage, Transport
from consensus.raft.messages import Snapshot
from consensus.raft.node import RaftNode
from consensus.wire import SnapshotAck, SnapshotChunk

CHUNK_BYTES = 256 << 10
WINDOW_BYTES = 4 * CHUNK_BYTES
RESEND_AFTER_MS = 1000
SILENT_MS = 5000

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Transfer:
    """How far the image has got to one peer."""

    wanted: int = 0
    sent: int = 0
    moved_ms: int = 0


class SnapshotSender:
    """The leader's side."""

    def __init__(self, node: RaftNode, transport: Transport, images: Images):
        self._node = node
        self._transport = transport
        self._images = images
        self._image: Image | None = None
        self._snapshot = Snapshot()
        self._transfers: dict[str, Transfer] = {}

    @property
    def held_index(self) -> int | None:
        """The log after this must stay: who gets the image goes on from there."""
        return self._image.index if self._image is not None else None

    def progress(self) -> dict[str, tuple[int, int]]:
        """(bytes taken, bytes in all) for each peer."""
        size = self._image.size if self._image is not None else 0
        return {peer: (transfer.wanted, size) for peer, transfer in self._transfers.items()}

    def tick(self, now_ms: int) -> None:
        # Whoever does not answer gets nothing, and holds no log back.
        answering = self._node.active_peers(now_ms - SILENT_MS)
        waiting = [peer for peer in self._node.awaiting_snapshot() if peer in answering]
        for peer in set(self._transfers) - set(waiting):
            del self._transfers[peer]
        if not waiting:
            self.close()
            return
        if self._image is None and not self._get_image():
            return
        for peer in waiting:
            transfer = self._transfers.setdefault(peer, Transfer(moved_ms=now_ms - RESEND_AFTER_MS))
            if now_ms - transfer.moved_ms >= RESEND_AFTER_MS:
                transfer.sent = transfer.wanted
                self._send(peer, transfer, now_ms)

    def _get_image(self) -> bool:
        image = self._images.take()
        if image is None:
            self._images.start()
            return False
        if not self._node.base_index <= image.index <= self._node.applied_index:
            image.close()  # of an earlier life, or overtaken by compaction
            return False
        self._image, self._snapshot = image, self._node.snapshot_at(image.index)
        logger.info("an image of index %d is ready: %d bytes", image.index, image.size)
        return True

    def on_ack(self, source: str, message: SnapshotAck, now_ms: int) -> None:
        transfer = self._transfers.get(source)
        if transfer is None or self._image is None or message.digest != self._image.digest:
            return
        if message.done:
            del self._transfers[source]
            self._node.snapshot_ended(source)
            return
        if message.offset > self._image.size:
            return
        # What is wanted may lie before what was sent (it was lost) or after it (resumed from an earlier transfer).
        moved = message.offset != transfer.wanted
        transfer.wanted = message.offset
        if moved:
            transfer.sent = max(transfer.sent, transfer.wanted)
            self._send(source, transfer, now_ms)

    def _send(self, peer: str, transfer: Transfer, now_ms: int) -> None:
        """As much as the window allows; at least one chunk when it is tried again."""
        image = self._image
        assert image is not None
        transfer.moved_ms = now_ms
        while transfer.sent < min(image.size, transfer.wanted + WINDOW_BYTES):
            data = image.read(transfer.sent, CHUNK_BYTES)
            chunk = SnapshotChunk(self._snapshot, image.size, image.digest, transfer.sent, data)
            self._transport.send(peer, [chunk])
            transfer.sent += len(data)

    def close(self) -> None:
        self._transfers.clear()
        if self._image is not None:
            self._image.close()
            self._image = None


class SnapshotReceiver:
    """The follower's side. ``install`` replaces tables and log by a complete image, durably."""

    def __init__(
        self,
        node: RaftNode,
        transport: Transport,
        images: Images,
        install: Callable[[Snapshot, ReceivedImage], None],
    ):
        self._node = node
        self._transport = transport
        self._images = images
        self._install = install
        self._image: ReceivedImage | None = None
        self._digest = b""
        # The tables are to be replaced, whatever they hold.
        self.rebuilding = False

    def on_chunk(self, source: str, chunk: SnapshotChunk) -> None:
        if not self._node.wants_snapshot(chunk.snapshot, self.rebuilding):
            self._answer(source, chunk, chunk.size, done=True)
            return
        if self._image is None or self._digest != chunk.digest:
            self.close()
            self._image, self._digest = self._images.receive(), chunk.digest
        image = self._image
        if chunk.offset == image.size and chunk.offset + len(chunk.data) <= chunk.size:
            image.append(chunk.data)
        if image.size < chunk.size:
            self._answer(source, chunk, image.size, done=False)
        elif image.digest() != chunk.digest:
            logger.warning("the image from %s is damaged: starting over", source)
            self.close()
            self._answer(source, chunk, 0, done=False)
        else:
            try:
                self._install(chunk.snapshot, image)
            finally:
                self.close()
            self._answer(source, chunk, chunk.size, done=True)

    def _answer(self, source: str, chunk: SnapshotChunk, offset: int, done: bool) -> None:
        self._transport.send(source, [SnapshotAck(chunk.digest, offset, done)])

    def close(self) -> None:
        if self._image is not None:
            self._image.close()
            self._image = None
