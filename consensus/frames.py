"""The envelope of what nodes send each other: who to whom, of which group, in which life of the sender, and a tag.

A frame is a msgpack array followed by 16 bytes of keyed BLAKE2b. What is not of this group, this version, this
sender, or does not verify, is refused before its content is looked at. From another database than the known one of
that name, or from an earlier life than was heard of already, only a `Hello` is taken: its answer says what is wrong.
(What is said about the decree that founds a group is taken as well: Paxos does not mind how late it comes.)

``group`` is the name that people gave; ``group_id`` is what was decreed when the group was founded (founding.py), so
two groups of one name never hear each other. Where one side has none yet, they may only introduce themselves.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from hmac import compare_digest

import msgspec

from consensus.raft.messages import Identity
from consensus.wire import FoundingMessages, Hello, HelloAnswer, PeerMessage, encode

FRAME_VERSION = 1
MAX_FRAME_BYTES = 1 << 20
TAG_BYTES = 16
EARLY = (Hello, FoundingMessages)
INTRODUCTIONS = (*EARLY, HelloAnswer)

logger = logging.getLogger(__name__)


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    version: int
    group: str
    source: str
    destination: str
    epoch: int
    incarnation: str
    messages: tuple[PeerMessage, ...]
    group_id: str = ""


_decoder = msgspec.msgpack.Decoder(Frame)
NOTHING = Frame(0, "", "", "", 0, "", ())


def heeds(own: str, theirs: str, message: PeerMessage) -> bool:
    """Whether a node with the group id ``own`` takes ``message`` from one with ``theirs``."""
    return own == theirs or (not (own and theirs) and isinstance(message, INTRODUCTIONS))


class FrameCodec:
    """Seals and opens the frames of one node. ``counters`` tells why frames were refused."""

    def __init__(self, group: str, node: str, secret: str, epochs: dict[tuple[str, str], int]):
        """``epochs`` keeps the highest epoch heard of each node and incarnation."""
        self._group = group
        self._node = node
        self._key = secret.encode()[:64]
        self._epochs = epochs
        self._contacts: Mapping[str, Identity] = {}
        self._group_id = ""
        self._told: set[tuple[str, str]] = set()
        self.counters: Counter[str] = Counter()

    def set_contacts(self, contacts: Mapping[str, Identity]) -> None:
        """Whose frames are opened from now on. An empty incarnation is not known yet: any will do."""
        self._contacts = contacts

    def set_group_id(self, group_id: str) -> None:
        """The group that this node belongs to, "" for none (yet)."""
        self._group_id = group_id

    def _tag(self, body: bytes) -> bytes:
        return blake2b(body, digest_size=TAG_BYTES, key=self._key).digest()

    def seal(self, destination: str, epoch: int, incarnation: str, messages: Sequence[PeerMessage]) -> bytes:
        said = tuple(messages)
        frame = Frame(FRAME_VERSION, self._group, self._node, destination, epoch, incarnation, said, self._group_id)
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
        if frame.group_id != self._group_id:
            frame = self._introductions(frame)
            if not frame.messages:
                return "group id", ()
        if not claimed_source:
            hellos = tuple(message for message in frame.messages if isinstance(message, Hello))
            return ("", hellos) if hellos else ("address", ())
        known = self._contacts.get(source)
        if known is None:
            return "address", ()
        reason = ""
        if known.incarnation not in ("", frame.incarnation):
            reason = "incarnation"
        elif frame.epoch < self._epochs.get((source, frame.incarnation), 0):
            reason = "epoch"
        if reason:
            early = tuple(message for message in frame.messages if isinstance(message, EARLY))
            return ("", early) if early else (reason, ())
        self._epochs[source, frame.incarnation] = frame.epoch
        return "", frame.messages

    def _introductions(self, frame: Frame) -> Frame:
        """What may be said from group to group; where it is another one, that is told once."""
        source, own, theirs = frame.source, self._group_id, frame.group_id
        if own and theirs and (source, theirs) not in self._told:
            self._told.add((source, theirs))
            logger.warning("%s is of group id %s, this node (%s) of %s: not heard", source, theirs, self._node, own)
        return msgspec.structs.replace(
            frame, messages=tuple(message for message in frame.messages if heeds(own, theirs, message))
        )
