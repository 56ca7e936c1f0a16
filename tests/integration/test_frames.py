"""What arrives in an inbox is believed only after it has been checked (N06)."""

import pytest

from consensus.frames import FRAME_VERSION, MAX_FRAME_BYTES, Frame, FrameCodec
from consensus.raft.messages import AppendRequest, Entry, Identity, Membership, TimeoutNow, VoteReply
from consensus.wire import Forwarded, FoundingMessages, Hello, HelloAnswer, ProposeForward, ReadAnswer, encode

NOTHING = ("", ())
MEMBERS = ("n1", "n2", "n3")
MESSAGES = (
    VoteReply(3, True),
    AppendRequest(3, 1, 1, 1, 0, (Entry(2, 3, 1, b"\x00\xff"),)),
    ProposeForward((Forwarded("r", 1, b"x"),)),
    ReadAnswer(5, None),
)


ANY = {member: Identity("", "") for member in MEMBERS}
HELLO = Hello(Identity("i", "redis://n2"), MEMBERS, True, "", True)


def codec(node: str, group: str = "g", secret: str = "s") -> FrameCodec:
    made = FrameCodec(group, node, secret, {})
    made.set_contacts(ANY)
    return made


def test_a_frame_is_opened_as_it_was_sealed() -> None:
    receiver = codec("n1")
    assert receiver.open(codec("n2").seal("n1", 1, "i", MESSAGES), "n2") == ("n2", MESSAGES)
    assert not receiver.counters


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "size"),
        (b"x" * (MAX_FRAME_BYTES + 1), "size"),
        (b"rubbish, but long enough to hold a tag", "tag"),
        (codec("n2", secret="another").seal("n1", 1, "i", MESSAGES), "tag"),
        (codec("n2").seal("n1", 1, "i", MESSAGES)[:-1] + b"\x00", "tag"),
        (codec("n2", group="other").seal("n1", 1, "i", MESSAGES), "group"),
        (codec("n2").seal("n3", 1, "i", MESSAGES), "address"),
        (codec("n3").seal("n1", 1, "i", MESSAGES), "address"),
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
    assert receiver.open(raw, "n2") == NOTHING
    assert receiver.counters == {reason: 1}


def signed(body: bytes) -> bytes:
    sender = codec("n2")
    return body + sender._tag(body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (encode(["not", "a", "frame"]), "format"),
        (encode([FRAME_VERSION, "g", "n2", "n1", 1, "i", [[99, 1]]]), "format"),
        (encode([FRAME_VERSION, "g", "n2", "n1", 1, "i", [[5, "a term that is no number"]]]), "format"),
        (encode(Frame(FRAME_VERSION + 1, "g", "n2", "n1", 1, "i", (TimeoutNow(1),))), "version"),
    ],
    ids=["not a frame", "unknown message", "wrong type", "newer version"],
)
def test_a_genuine_tag_does_not_make_rubbish_good(body: bytes, reason: str) -> None:
    receiver = codec("n1")
    assert receiver.open(signed(body), "n2") == NOTHING
    assert receiver.counters == {reason: 1}


def test_frames_of_an_earlier_life_of_the_sender_are_refused() -> None:
    sender, receiver = codec("n2"), codec("n1")
    assert receiver.open(sender.seal("n1", 5, "i", MESSAGES), "n2")[1]
    assert receiver.open(sender.seal("n1", 4, "i", MESSAGES), "n2") == NOTHING
    assert receiver.open(codec("n3").seal("n1", 4, "i", MESSAGES), "n3")[1]
    assert receiver.counters == {"epoch": 1}


def test_frames_of_others_than_the_contacts_are_refused() -> None:
    sender, receiver = codec("n2"), codec("n1")
    receiver.set_contacts({"n1": ANY["n1"], "n3": ANY["n3"]})
    assert receiver.open(sender.seal("n1", 5, "i", MESSAGES), "n2") == NOTHING
    assert receiver.counters == {"address": 1}


def test_another_database_under_a_known_name_is_heard_only_to_say_hello() -> None:
    sender, receiver = codec("n2"), codec("n1")
    receiver.set_contacts({**ANY, "n2": Identity("known", "")})
    assert receiver.open(sender.seal("n1", 9, "other", MESSAGES), "n2") == NOTHING
    assert receiver.counters == {"incarnation": 1}
    assert receiver.open(sender.seal("n1", 9, "other", [HELLO, *MESSAGES]), "n2") == ("n2", (HELLO,))
    assert receiver.open(sender.seal("n1", 1, "known", MESSAGES), "n2") == ("n2", MESSAGES), (
        "its epoch counts for nothing"
    )


def test_an_earlier_life_is_heard_only_to_say_hello() -> None:
    sender, receiver = codec("n2"), codec("n1")
    receiver.open(sender.seal("n1", 5, "i", MESSAGES), "n2")
    assert receiver.open(sender.seal("n1", 4, "i", [HELLO]), "n2") == ("n2", (HELLO,))
    assert receiver.open(sender.seal("n1", 4, "i", MESSAGES), "n2") == NOTHING


def test_anybody_may_say_hello_and_nothing_else() -> None:
    stranger, receiver = codec("n9"), codec("n1")
    assert receiver.open(stranger.seal("n1", 1, "x", [HELLO, *MESSAGES]), "") == ("n9", (HELLO,))
    assert receiver.open(stranger.seal("n1", 1, "x", MESSAGES), "") == NOTHING
    assert receiver.open(codec("n1").seal("n1", 1, "x", [HELLO]), "") == NOTHING, "nobody is this node but itself"


FOUNDING = FoundingMessages(b"digest", ())
ANSWER = HelloAnswer(Membership(MEMBERS), 0, 0, 0, 0, "", "one")


def of_group(node: str, group_id: str) -> FrameCodec:
    made = codec(node)
    made.set_group_id(group_id)
    return made


def test_n06_what_another_group_of_the_same_name_says_is_dropped_counted_and_told_once(caplog) -> None:
    sender, receiver = of_group("n2", "two"), of_group("n1", "one")
    for inbox in ("n2", "n2", ""):
        assert receiver.open(sender.seal("n1", 9, "i", [HELLO, ANSWER, FOUNDING, *MESSAGES]), inbox) == NOTHING
    assert receiver.counters == {"group id": 3}
    assert [record.getMessage() for record in caplog.records] == [
        "n2 is of group id two, this node (n1) of one: not heard"
    ]
    sender.set_group_id("one")
    assert receiver.open(sender.seal("n1", 1, "i", MESSAGES), "n2") == ("n2", MESSAGES), "its epoch counts for nothing"


@pytest.mark.parametrize(("sends", "takes"), [("one", ""), ("", "one")])
def test_who_has_no_group_may_introduce_itself_and_be_told_of_one(sends: str, takes: str) -> None:
    sender, receiver = of_group("n2", sends), of_group("n1", takes)
    raw = sender.seal("n1", 1, "i", [HELLO, ANSWER, FOUNDING, *MESSAGES])
    assert receiver.open(raw, "n2") == ("n2", (HELLO, ANSWER, FOUNDING))
    assert receiver.open(sender.seal("n1", 1, "i", MESSAGES), "n2") == NOTHING
    assert receiver.counters == {"group id": 1}


def test_a_frame_of_a_release_without_group_ids_is_one_of_a_group_without() -> None:
    old = encode([FRAME_VERSION, "g", "n2", "n1", 1, "i", [ReadAnswer(5, None)]])
    assert codec("n1").open(signed(old), "n2") == ("n2", (ReadAnswer(5, None),))


def test_epochs_of_another_database_of_that_name_count_for_nothing() -> None:
    sender, receiver = codec("n2"), codec("n1")
    assert receiver.open(sender.seal("n1", 9, "lost", MESSAGES), "n2")[1]
    assert receiver.open(sender.seal("n1", 1, "new", MESSAGES), "n2") == ("n2", MESSAGES)
    assert receiver.open(sender.seal("n1", 8, "lost", [FOUNDING, *MESSAGES]), "n2") == ("n2", (FOUNDING,))
