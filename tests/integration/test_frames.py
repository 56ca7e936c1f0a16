"""What arrives in an inbox is believed only after it has been checked (N06)."""

import pytest

from consensus.frames import FRAME_VERSION, MAX_FRAME_BYTES, Frame, FrameCodec
from consensus.raft.messages import AppendRequest, Entry, TimeoutNow, VoteReply
from consensus.wire import Forwarded, ProposeForward, ReadAnswer, encode

MEMBERS = ("n1", "n2", "n3")
MESSAGES = (
    VoteReply(3, True),
    AppendRequest(3, 1, 1, 1, 0, (Entry(2, 3, 1, b"\x00\xff"),)),
    ProposeForward((Forwarded("r", 1, b"x"),)),
    ReadAnswer(5, None),
)


def codec(node: str, group: str = "g", secret: str = "s") -> FrameCodec:
    return FrameCodec(group, node, MEMBERS, secret)


def test_a_frame_is_opened_as_it_was_sealed() -> None:
    receiver = codec("n1")
    assert receiver.open(codec("n2").seal("n1", 1, MESSAGES), "n2") == MESSAGES
    assert not receiver.counters


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "size"),
        (b"x" * (MAX_FRAME_BYTES + 1), "size"),
        (b"rubbish, but long enough to hold a tag", "tag"),
        (codec("n2", secret="another").seal("n1", 1, MESSAGES), "tag"),
        (codec("n2").seal("n1", 1, MESSAGES)[:-1] + b"\x00", "tag"),
        (codec("n2", group="other").seal("n1", 1, MESSAGES), "group"),
        (codec("n2").seal("n3", 1, MESSAGES), "address"),
        (codec("n3").seal("n1", 1, MESSAGES), "address"),
    ],
    ids=[
        "empty",
        "too large",
        "rubbish",
        "another secret",
        "changed",
        "another group",
        "for another node",
        "wrong inbox",
    ],
)
def test_what_is_not_for_here_is_dropped_and_counted(raw: bytes, reason: str) -> None:
    receiver = codec("n1")
    assert receiver.open(raw, "n2") == ()
    assert receiver.counters == {reason: 1}


def signed(body: bytes) -> bytes:
    sender = codec("n2")
    return body + sender._tag(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (encode(["not", "a", "frame"]), "format"),
        (encode([FRAME_VERSION, "g", "n2", "n1", 1, [[99, 1]]]), "format"),
        (encode([FRAME_VERSION, "g", "n2", "n1", 1, [[5, "a term that is no number"]]]), "format"),
        (encode(Frame(FRAME_VERSION + 1, "g", "n2", "n1", 1, (TimeoutNow(1),))), "version"),
    ],
    ids=["not a frame", "unknown message", "wrong type", "newer version"],
)
def test_a_genuine_tag_does_not_make_rubbish_good(body: bytes, reason: str) -> None:
    receiver = codec("n1")
    assert receiver.open(signed(body), "n2") == ()
    assert receiver.counters == {reason: 1}


def test_frames_of_an_earlier_life_of_the_sender_are_refused() -> None:
    sender, receiver = codec("n2"), codec("n1")
    assert receiver.open(sender.seal("n1", 5, MESSAGES), "n2")
    assert receiver.open(sender.seal("n1", 4, MESSAGES), "n2") == ()
    assert receiver.open(codec("n3").seal("n1", 4, MESSAGES), "n3")
    assert receiver.counters == {"epoch": 1}


def test_members_may_change_and_one_that_comes_back_begins_anew() -> None:
    sender, receiver = codec("n2"), codec("n1")
    assert receiver.open(sender.seal("n1", 5, MESSAGES), "n2")
    receiver.set_members(("n1", "n3"))
    assert receiver.open(sender.seal("n1", 5, MESSAGES), "n2") == ()
    assert receiver.counters == {"address": 1}
    receiver.set_members(MEMBERS)
    assert receiver.open(sender.seal("n1", 1, MESSAGES), "n2") == MESSAGES
