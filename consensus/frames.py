"""The envelope of what nodes send each other: who to whom, of which group, in which life of the sender, and a tag.

A frame is a msgpack array followed by 16 bytes of keyed BLAKE2b. What is not of this group, this version, this
sender, or does not verify, is refused before its content is looked at.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from hmac import compare_digest

import msgspec

from consensus.wire import PeerMessage, encode

FRAME_VERSION = 1
MAX_FRAME_BYTES = 1 << 20
TAG_BYTES = 16


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    version: int
    group: str
    source: str
    destination: str
    epoch: int
    messages: tuple[PeerMessage, ...]


_decoder = msgspec.msgpack.Decoder(Frame)


class FrameCodec:
    """Seals and opens the frames of one node. ``counters`` tells why frames were refused."""

    def __init__(self, group: str, node: str, members: Iterable[str], secret: str):
        self._group = group
        self._node = node
        self._key = secret.encode()[:64]
        self._epochs: dict[str, int] = {}
        self._members: frozenset[str] = frozenset()
        self.counters: Counter[str] = Counter()
        self.set_members(members)

    def set_members(self, members: Iterable[str]) -> None:
        """Whose frames are opened from now on. A member that goes and comes back may begin with any epoch."""
        self._members = frozenset(members)
        self._epochs = {node: epoch for node, epoch in self._epochs.items() if node in self._members}

    def _tag(self, body: bytes) -> bytes:
        return blake2b(body, digest_size=TAG_BYTES, key=self._key).digest()

    def seal(self, destination: str, epoch: int, messages: Sequence[PeerMessage]) -> bytes:
        body = encode(Frame(FRAME_VERSION, self._group, self._node, destination, epoch, tuple(messages)))
        return body + self._tag(body)

    def open(self, raw: bytes, claimed_source: str) -> tuple[PeerMessage, ...]:
        """The messages of a frame that arrived in ``claimed_source``'s inbox; empty if it is refused."""
        reason, messages = self._open(raw, claimed_source)
        if reason:
            self.counters[reason] += 1
        return messages

    def _open(self, raw: bytes, claimed_source: str) -> tuple[str, tuple[PeerMessage, ...]]:
        if not TAG_BYTES < len(raw) <= MAX_FRAME_BYTES:
            return "size", ()
        body, tag = raw[:-TAG_BYTES], raw[-TAG_BYTES:]
        if not compare_digest(self._tag(body), tag):
            return "tag", ()
        try:
            frame = _decoder.decode(body)
        except msgspec.DecodeError:
            return "format", ()
        if frame.version != FRAME_VERSION:
            return "version", ()
        if frame.group != self._group:
            return "group", ()
        if frame.destination != self._node or frame.source != claimed_source or frame.source not in self._members:
            return "address", ()
        if frame.epoch < self._epochs.get(frame.source, 0):
            return "epoch", ()
        self._epochs[frame.source] = frame.epoch
        return "", frame.messages
