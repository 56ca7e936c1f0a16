"""An image on its way from the leader to a follower: chunk by chunk, resumed, checked (R40, R41)."""

from dataclasses import dataclass, field

import pytest

from consensus.raft.messages import Snapshot
from consensus.simulator.images import MemoryImage, MemoryReceivedImage
from consensus.snapshots import CHUNK_BYTES, RESEND_AFTER_MS, SnapshotReceiver, SnapshotSender
from consensus.wire import SnapshotAck, SnapshotChunk

DATA = bytes(range(256)) * (10 * CHUNK_BYTES // 256) + b"end"


class WholeImage(MemoryImage):
    """Reads as much as is asked for, as a file does."""

    def read(self, offset: int, length: int) -> bytes:
        return DATA[offset : offset + length]


@dataclass
class Node:
    """What the two sides ask of a `RaftNode`."""

    waiting: list[str] = field(default_factory=lambda: ["F"])
    answering: list[str] = field(default_factory=lambda: ["F"])
    ended: list[str] = field(default_factory=list)
    commit: int = 0
    base_index: int = 3
    applied_index: int = 9

    def awaiting_snapshot(self) -> list[str]:
        return [peer for peer in self.waiting if peer not in self.ended]

    def active_peers(self, since_ms: int) -> list[str]:
        return self.answering

    def snapshot_at(self, index: int) -> Snapshot:
        return Snapshot(index, 2)

    def snapshot_ended(self, peer: str) -> None:
        self.ended.append(peer)

    def wants_snapshot(self, snapshot: Snapshot, rebuild: bool) -> bool:
        return rebuild or snapshot.index > self.commit


class Images:
    """Gives out an image of index 7 when asked twice, as one that takes its time."""

    def __init__(self) -> None:
        self.started = 0

    def start(self) -> None:
        self.started += 1

    def take(self) -> WholeImage | None:
        return WholeImage(7, DATA) if self.started else None

    def receive(self) -> MemoryReceivedImage:
        return MemoryReceivedImage()


class Wire:
    def __init__(self) -> None:
        self.sent: list = []

    def send(self, destination: str, messages) -> None:
        self.sent += messages

    def take(self) -> list:
        sent, self.sent = self.sent, []
        return sent


class Transfer:
    """A leader and a follower F with a wire between them."""

    def __init__(self) -> None:
        self.leader, self.follower = Node(), Node()
        self.out, self.back = Wire(), Wire()
        self.images = Images()
        self.installed: list[tuple[Snapshot, bytes]] = []
        self.sender = SnapshotSender(self.leader, self.out, self.images)  # type: ignore[arg-type]
        self.receiver = SnapshotReceiver(self.follower, self.back, self.images, self._install)  # type: ignore[arg-type]
        self.now_ms = 0

    def _install(self, snapshot: Snapshot, image: MemoryReceivedImage) -> None:
        self.installed.append((snapshot, bytes(image.data)))

    def begin(self) -> None:
        """The first look has the image made, the second sends."""
        self.tick()
        self.tick()

    def tick(self, passed_ms: int = 0) -> None:
        self.now_ms += passed_ms
        self.sender.tick(self.now_ms)

    def deliver(self, lose=lambda chunk: False) -> int:
        """Pass on what was sent, and the answers, until nothing moves; returns how many chunks arrived."""
        count = 0
        while chunks := [chunk for chunk in self.out.take() if not lose(chunk)]:
            for chunk in chunks:
                count += 1
                self.receiver.on_chunk("L", chunk)
            for answer in self.back.take():
                self.sender.on_ack("F", answer, self.now_ms)
        return count


def test_an_image_arrives_whole_and_is_installed_once() -> None:
    transfer = Transfer()
    transfer.begin()
    assert transfer.deliver() == 11
    assert transfer.installed == [(Snapshot(7, 2), DATA)]
    assert transfer.leader.ended == ["F"]


def test_only_a_window_of_it_is_on_its_way() -> None:
    transfer = Transfer()
    transfer.begin()
    assert len(transfer.out.sent) == 4


def test_a_lost_chunk_costs_no_more_than_what_followed_it() -> None:
    transfer = Transfer()
    transfer.begin()
    before = transfer.deliver(lose=lambda chunk: chunk.offset == 6 * CHUNK_BYTES)
    assert transfer.installed == []
    transfer.tick(RESEND_AFTER_MS)
    after = transfer.deliver()
    assert transfer.installed == [(Snapshot(7, 2), DATA)]
    assert before + after <= 11 + 4


def test_doubled_and_late_chunks_change_nothing() -> None:
    transfer = Transfer()
    transfer.begin()
    transfer.out.sent *= 2
    transfer.out.sent.reverse()
    transfer.deliver()
    for _ in range(3):
        transfer.tick(RESEND_AFTER_MS)
        transfer.deliver()
    assert transfer.installed == [(Snapshot(7, 2), DATA)]


def test_r41_a_damaged_image_is_not_installed_and_comes_again() -> None:
    transfer = Transfer()
    transfer.begin()
    first = transfer.out.sent[0]
    transfer.out.sent[0] = SnapshotChunk(first.snapshot, first.size, first.digest, 0, b"x" * len(first.data))
    transfer.deliver()
    assert transfer.installed == []
    transfer.tick(RESEND_AFTER_MS)
    transfer.deliver()
    assert transfer.installed == [(Snapshot(7, 2), DATA)]


def test_r41_an_image_of_what_is_there_already_is_answered_as_done() -> None:
    transfer = Transfer()
    transfer.follower.commit = 7
    transfer.begin()
    transfer.deliver()
    assert transfer.installed == [] and transfer.leader.ended == ["F"]


def test_a_rebuild_takes_it_all_the_same() -> None:
    transfer = Transfer()
    transfer.follower.commit = 9
    transfer.receiver.rebuilding = True
    transfer.begin()
    transfer.deliver()
    assert transfer.installed == [(Snapshot(7, 2), DATA)]


def test_an_answer_about_another_image_or_beyond_the_end_is_ignored() -> None:
    transfer = Transfer()
    transfer.begin()
    transfer.out.take()
    (digest,) = {MemoryImage(7, DATA).digest}
    transfer.sender.on_ack("F", SnapshotAck(b"another", 0, True), 0)
    transfer.sender.on_ack("F", SnapshotAck(digest, len(DATA) + 1, False), 0)
    transfer.sender.on_ack("X", SnapshotAck(digest, 0, True), 0)
    assert transfer.leader.ended == [] and transfer.out.sent == []


def test_an_image_that_compaction_has_overtaken_is_made_anew() -> None:
    transfer = Transfer()
    transfer.leader.base_index = 8
    transfer.begin()
    assert transfer.out.sent == [] and transfer.sender.held_index is None


def test_the_log_is_held_while_an_image_is_on_its_way_but_not_for_one_that_does_not_answer() -> None:
    transfer = Transfer()
    transfer.begin()
    assert transfer.sender.held_index == 7
    transfer.leader.answering = []
    transfer.tick()
    assert transfer.sender.held_index is None


@pytest.mark.parametrize("offset", [CHUNK_BYTES, 5 * CHUNK_BYTES])
def test_a_chunk_that_does_not_follow_is_answered_with_what_is_wanted(offset: int) -> None:
    transfer = Transfer()
    image = MemoryImage(7, DATA)
    transfer.receiver.on_chunk("L", SnapshotChunk(Snapshot(7, 2), image.size, image.digest, offset, b"x"))
    assert transfer.back.sent == [SnapshotAck(image.digest, 0, False)]
