"""Inboxes on a real Redis: order, bounds, batches, and peers that are away (N06)."""

import os
from collections.abc import Iterable

import pytest
import redis

from consensus import keys
from consensus.conf import NodeConfig
from consensus.frames import FrameCodec
from consensus.inbox import Inbox
from consensus.raft.messages import AppendRequest, Entry, Identity, VoteReply
from consensus.requests import ReadRequest
from consensus.transport import MAX_INBOX_FRAMES, TRIM_EVERY, RedisTransport
from consensus.wire import Hello, encode
from tests.support.loop import Loop
from tests.support.servers import OtherRedis
from tests.support.waiting import eventually

NOBODY = "redis://127.0.0.1:1/0"


def config(node: str, url: str, **others: str) -> NodeConfig:
    return NodeConfig(f"g{os.getpid()}", node, url, {"n1": url, "n2": url, **others}, secret="s")


def codec(given: NodeConfig) -> FrameCodec:
    made = FrameCodec(given.group, given.node, given.secret, {})
    made.set_contacts(contacts(given.members))
    return made


def contacts(members: Iterable[str]) -> dict[str, Identity]:
    return {member: Identity("", "") for member in members}


class Receiver:
    """n1's inbox."""

    def __init__(self, loop: Loop, url: str):
        self.config = config("n1", url)
        self.codec = codec(self.config)
        self.received: list = []
        self.requests: list = []
        self.inbox = Inbox(loop.reactor, self.config, self.codec, self._deliver)
        loop.call(self.inbox.start)

    def _deliver(self, received, requests) -> None:
        self.received += received
        self.requests += requests


class Sender:
    """The transport of one node, called from outside of its thread."""

    def __init__(self, loop: Loop, given: NodeConfig):
        self._loop = loop
        self.transport = loop.call(lambda: RedisTransport(loop.reactor, given, codec(given)))

    def send(self, destination: str, *messages, epoch: int = 1) -> None:
        self._loop.call(lambda: self.transport.send(destination, (epoch, "i"), messages))

    def set_members(self, members: dict[str, str]) -> None:
        self._loop.call(lambda: self.transport.set_members(members))

    def failing(self) -> list[str]:
        return self._loop.call(self.transport.failing)

    def dropped(self) -> int:
        return self._loop.call(self.transport.dropped)


@pytest.fixture
def receiver(loop: Loop, redis_url: str):
    made = Receiver(loop, redis_url)
    yield made
    loop.call(made.inbox.stop)


@pytest.fixture
def sender_of(loop: Loop):
    """Makes senders, and stops them."""
    made: list[Sender] = []

    def make(given: NodeConfig) -> Sender:
        made.append(Sender(loop, given))
        return made[-1]

    yield make
    for sender in made:
        loop.call(sender.transport.stop)


@pytest.fixture
def sender(sender_of, redis_url: str) -> Sender:
    """Connected: what is sent while a busy machine takes too long to connect is dropped, as it should be."""
    made = sender_of(config("n2", redis_url))
    eventually(lambda: made.transport._pushers["n1"]._channel.is_open)
    return made


def test_messages_arrive_in_order(receiver: Receiver, sender: Sender) -> None:
    for term in range(300):
        sender.send("n1", VoteReply(term, True))
    eventually(lambda: len(receiver.received) == 300)
    assert [message.term for _, message in receiver.received] == list(range(300))
    assert {source for source, _ in receiver.received} == {"n2"}


@pytest.fixture
def patient_sender(sender: Sender) -> Sender:
    """That this machine is busy, and its Redis slow to answer for so much, is not what is tested."""
    sender.transport._pushers["n1"]._channel._reply_timeout_s = 60.0
    return sender


def test_large_messages_are_cut_into_frames_that_fit(receiver: Receiver, patient_sender: Sender) -> None:
    sender = patient_sender
    entry = Entry(1, 1, 1, b"x" * (200 << 10))
    sender.send("n1", *[AppendRequest(1, 0, 0, 0, 0, (entry,))] * 12)
    eventually(lambda: len(receiver.received) == 12)
    assert sender.transport.oversized == 0 and not receiver.codec.counters


def test_what_the_socket_does_not_take_at_once_follows_in_order(receiver: Receiver, patient_sender: Sender) -> None:
    """More than any socket buffer holds, sent in one go."""
    sender = patient_sender
    entry = Entry(1, 1, 1, b"x" * (400 << 10))
    sender.send("n1", *[AppendRequest(term, 0, 0, 0, 0, (entry,)) for term in range(18)])
    eventually(lambda: len(receiver.received) == 18)
    assert [message.term for _, message in receiver.received] == list(range(18))
    assert sender.dropped() == 0


def test_rubbish_in_an_inbox_is_counted_and_what_follows_arrives(receiver: Receiver, sender: Sender, redis_url) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.rpush(keys.inbox(receiver.config.group, "n1", "n2"), b"rubbish", os.urandom(5000))
        client.rpush(keys.requests(receiver.config.group, "n1"), b"rubbish", encode({"no": "list"}))
    sender.send("n1", VoteReply(1, True))
    eventually(lambda: receiver.received)
    eventually(lambda: receiver.codec.counters == {"size": 1, "tag": 1, "request": 2})
    assert receiver.requests == []


def test_local_requests_arrive(receiver: Receiver, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.rpush(keys.requests(receiver.config.group, "n1"), encode([ReadRequest("me", 1, 1000)]))
    assert eventually(lambda: receiver.requests) == [ReadRequest("me", 1, 1000)]


def test_an_inbox_that_nobody_empties_is_bounded_and_keeps_the_newest(sender: Sender, redis_url: str) -> None:
    given = config("n2", redis_url)
    key = keys.inbox(given.group, "n1", "n2")
    with redis.Redis.from_url(redis_url) as client:
        old = codec(given).seal("n1", 1, "i", [VoteReply(0, False)])
        client.rpush(key, *[old] * (MAX_INBOX_FRAMES + 500))
        for round in range(TRIM_EVERY):
            sender.send("n1", VoteReply(round + 1, True))
            newest = codec(given).seal("n1", 1, "i", [VoteReply(round + 1, True)])
            eventually(lambda newest=newest: client.lindex(key, -1) == newest)
        assert client.llen(key) <= MAX_INBOX_FRAMES


def test_a_peer_without_a_redis_is_dropped_for_and_slows_nobody(receiver: Receiver, sender_of, redis_url: str) -> None:
    sender = sender_of(config("n2", redis_url, n3=NOBODY))
    for term in range(50):
        sender.send("n3", VoteReply(term, True))
        sender.send("n1", VoteReply(term, True))
    eventually(lambda: len(receiver.received) == 50)
    eventually(lambda: sender.failing() == ["n3"])
    # What waited is gone, and what comes now goes at once.
    dropped = sender.dropped()
    sender.send("n3", VoteReply(50, True))
    assert dropped >= 50 and sender.dropped() > dropped


def test_a_peer_whose_redis_hangs_slows_nobody_and_is_sent_to_again_when_it_wakes_up(
    receiver: Receiver, sender_of, redis_url: str, other_redis: OtherRedis
) -> None:
    given = config("n2", redis_url, n3=other_redis.url)
    sender = sender_of(given)
    key = keys.inbox(given.group, "n3", "n2")
    with redis.Redis.from_url(other_redis.url) as client:
        sender.send("n3", VoteReply(1, True))
        eventually(lambda: client.llen(key) == 1)
        other_redis.pause()
        # Far more than the kernel takes for it.
        entry = Entry(1, 1, 1, b"x" * (400 << 10))
        for term in range(60):
            sender.send("n3", AppendRequest(term, 0, 0, 0, 0, (entry,)))
            sender.send("n1", VoteReply(term, True))
        eventually(lambda: len(receiver.received) == 60)
        eventually(lambda: sender.failing() == ["n3"] and sender.dropped() > 0)
        other_redis.resume()

        def arrives() -> bool:
            sender.send("n3", VoteReply(99, True))
            return client.lindex(key, -1) == codec(given).seal("n3", 1, "i", [VoteReply(99, True)])

        eventually(arrives)
    eventually(lambda: sender.failing() == [])


def test_both_ends_recover_when_their_connections_are_killed(receiver: Receiver, sender: Sender, redis_url) -> None:
    sender.send("n1", VoteReply(1, True))
    eventually(lambda: receiver.received)
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def arrives() -> bool:
        sender.send("n1", VoteReply(2, True))
        return any(message.term == 2 for _, message in receiver.received)

    eventually(arrives)


def test_a_server_that_allows_nothing_but_the_push_is_enough(receiver: Receiver, sender_of, redis_url: str) -> None:
    """One ACL user a peer: it may push to its own inbox and nothing else."""
    key = keys.inbox(receiver.config.group, "n1", "n2")
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("ACL", "SETUSER", "n2", "reset", "on", ">secret", f"~{key}", "+rpush", "+ltrim", "+ping")
        try:
            given = config("n2", redis_url.replace("redis://", "redis://n2:secret@"))
            sender = sender_of(given)
            sender.send("n1", VoteReply(1, True))
            eventually(lambda: receiver.received)
            assert sender.failing() == []
        finally:
            client.execute_command("ACL", "DELUSER", "n2")


def test_a_push_that_is_refused_is_counted(sender: Sender, redis_url: str) -> None:
    given = config("n2", redis_url)
    with redis.Redis.from_url(redis_url) as client:
        client.set(keys.inbox(given.group, "n1", "n2"), "no list")
        sender.send("n1", VoteReply(1, True))
        eventually(lambda: sender.dropped() >= 1)
        client.delete(keys.inbox(given.group, "n1", "n2"))

        def arrives() -> bool:
            sender.send("n1", VoteReply(2, True))
            return client.llen(keys.inbox(given.group, "n1", "n2")) > 0

        eventually(arrives)


def test_a_new_member_is_sent_to_and_listened_to(
    loop, receiver: Receiver, sender: Sender, sender_of, redis_url
) -> None:
    given = config("n3", redis_url)
    members = {"n1": redis_url, "n2": redis_url, "n3": redis_url}
    sender_of(given).send("n1", VoteReply(1, True))
    loop.call(lambda: receiver.codec.set_contacts(contacts(members)))
    loop.call(lambda: receiver.inbox.set_members(members))
    assert eventually(lambda: receiver.received) == [("n3", VoteReply(1, True))]
    sender.set_members(members)
    sender.send("n3", VoteReply(2, True))
    with redis.Redis.from_url(redis_url) as client:
        eventually(lambda: client.llen(keys.inbox(given.group, "n3", "n2")) == 1)


def test_a_member_that_has_gone_is_neither_sent_to_nor_listened_to(loop, receiver: Receiver, sender, redis_url) -> None:
    sender.send("n1", VoteReply(1, True))
    eventually(lambda: receiver.received)
    sender.set_members({"n2": redis_url})
    sender.send("n1", VoteReply(2, True))
    assert sender.failing() == []
    given = config("n2", redis_url)
    left = keys.inbox(given.group, "n1", "n2")
    assert loop.call(lambda: receiver.inbox.set_members(["n1", "n3"])) == [left.encode()]
    loop.call(lambda: receiver.codec.set_contacts(contacts(["n1", "n3"])))
    with redis.Redis.from_url(redis_url) as client:
        # A round with the new keys has begun once a request came through in one.
        for token in (1, 2):
            client.rpush(keys.requests(receiver.config.group, "n1"), encode([ReadRequest("me", token, 1000)]))
            eventually(lambda token=token: len(receiver.requests) == token)
        client.rpush(left, codec(given).seal("n1", 1, "i", [VoteReply(3, True)]))
        client.rpush(keys.requests(receiver.config.group, "n1"), encode([ReadRequest("me", 3, 1000)]))
        eventually(lambda: len(receiver.requests) == 3)
        assert client.llen(left) == 1
    assert [message.term for _, message in receiver.received] == [1]


def test_a_member_that_moves_is_sent_to_at_its_new_address(receiver: Receiver, sender_of, redis_url: str) -> None:
    given = NodeConfig(f"g{os.getpid()}", "n2", redis_url, {"n1": NOBODY, "n2": redis_url}, secret="s")
    moving = sender_of(given)
    moving.send("n1", VoteReply(1, True))
    eventually(lambda: moving.failing() == ["n1"])
    lost = moving.dropped()
    moving.set_members({"n1": redis_url, "n2": redis_url})
    moving.send("n1", VoteReply(2, True))
    assert eventually(lambda: receiver.received) == [("n2", VoteReply(2, True))]
    assert moving.failing() == [] and moving.dropped() >= lost


def test_a_stranger_can_say_hello(receiver: Receiver, sender_of, redis_url: str) -> None:
    stranger = sender_of(config("n9", redis_url))
    hello = Hello(Identity("x", redis_url), ("n1", "n2", "n9"), False, "", True)
    stranger.send("n1", VoteReply(1, True), hello)
    eventually(lambda: receiver.received)
    assert receiver.received == [("n9", hello)]
