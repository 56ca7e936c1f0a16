"""The envelope of what nodes send each other: who to whom, of which group, in which life of the sender, and a tag.

A frame is a msgpack array followed by 16 bytes of keyed BLAKE2b. What is not of this group, this version, this
sender, or does not verify, is refused before its content is looked at. From another database than the known one of
that name, or from an earlier life than was heard of already, only a `Hello` is taken: its answer says what is wrong.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from hmac import compare_digest

import msgspec

from consensus.raft.messages import Identity
from consensus.wire import Hello, PeerMessage, encode

FRAME_VERSION = 1
MAX_FRAME_BYTES = 1 << 20
TAG_BYTES = 16


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    version: int
    group: str
    source: str
    destination: str
    epoch: int
    incarnation: str
    messages: tuple[PeerMessage, ...]


_decoder = msgspec.msgpack.Decoder(Frame)
NOTHING = Frame(0, "", "", "", 0, "", ())


class FrameCodec:
    """Seals and opens the frames of one node. ``counters`` tells why frames were refused."""

    def __init__(self, group: str, node: str, secret: str, epochs: dict[str, int]):
        """``epochs`` keeps the highest epoch heard of each node."""
        self._group = group
        self._node = node
        self._key = secret.encode()[:64]
        self._epochs = epochs
        self._contacts: Mapping[str, Identity] = {}
        self.counters: Counter[str] = Counter()

    def set_contacts(self, contacts: Mapping[str, Identity]) -> None:
        """Whose frames are opened from now on. An empty incarnation is not known yet: any will do."""
        self._contacts = contacts

    def _tag(self, body: bytes) -> bytes:
        return blake2b(body, digest_size=TAG_BYTES, key=self._key).digest()

    def seal(self, destination: str, epoch: int, incarnation: str, messages: Sequence[PeerMessage]) -> bytes:
        frame = Frame(FRAME_VERSION, self._group, self._node, destination, epoch, incarnation, tuple(messages))
        body = encode(frame)
        return body + self._tag(body)

    def open(self, raw: bytes, claimed_source: str) -> tuple[str, tuple[PeerMessage, ...]]:
        """The source and the messages of a frame that arrived in ``claimed_source``'s inbox; none if it is refused.

        With an empty ``claimed_source``, anybody's who says hello.
        """
        reason, frame = self._open(raw)
        if not reason:
            reason, messages = self._believe(frame, claimed_source)
        if reason:
            self.counters[reason] += 1
            return "", ()
        return frame.source, messages

    def _open(self, raw: bytes) -> tuple[str, Frame]:
        if not TAG_BYTES < len(raw) <= MAX_FRAME_BYTES:
            return "size", NOTHING
        body, tag = raw[:-TAG_BYTES], raw[-TAG_BYTES:]
        if not compare_digest(self._tag(body), tag):
            return "tag", NOTHING
        try:
            frame = _decoder.decode(body)
        except msgspec.DecodeError:
            return "format", NOTHING
        if frame.version != FRAME_VERSION:
            return "version", NOTHING
        if frame.group != self._group:
            return "group", NOTHING
        return "", frame

    def _believe(self, frame: Frame, claimed_source: str) -> tuple[str, tuple[PeerMessage, ...]]:
        """Why a sound frame is refused, or "" and its messages."""
        source = frame.source
        if frame.destination != self._node or source in ("", self._node) or claimed_source not in ("", source):
            return "address", ()
        hellos = tuple(message for message in frame.messages if isinstance(message, Hello))
        if not claimed_source:
            return ("", hellos) if hellos else ("address", ())
        known = self._contacts.get(source)
        if known is None:
            return "address", ()
        if known.incarnation not in ("", frame.incarnation):
            return ("", hellos) if hellos else ("incarnation", ())
        if frame.epoch < self._epochs.get(source, 0):
            return ("", hellos) if hellos else ("epoch", ())
        self._epochs[source] = frame.epoch
        return "", frame.messages
