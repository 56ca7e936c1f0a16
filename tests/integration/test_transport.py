"""Inboxes on a real Redis: order, bounds, batches, and peers that are away (N06)."""

import os

import pytest
import redis

from consensus import keys
from consensus.conf import NodeConfig
from consensus.frames import FrameCodec
from consensus.inbox import Inbox
from consensus.raft.messages import AppendRequest, Entry, VoteReply
from consensus.transport import MAX_INBOX_FRAMES, TRIM_EVERY, RedisTransport
from consensus.wire import ReadRequest, encode
from tests.support.waiting import eventually

NOBODY = "redis://127.0.0.1:1/0"


def config(node: str, url: str, **others: str) -> NodeConfig:
    return NodeConfig(f"g{os.getpid()}", node, url, {"n1": url, "n2": url, **others}, secret="s")


def codec(given: NodeConfig) -> FrameCodec:
    return FrameCodec(given.group, given.node, tuple(given.members), given.secret)


class Receiver:
    """n1's inbox; ``close`` ends its thread."""

    def __init__(self, url: str):
        self.config = config("n1", url)
        self.codec = codec(self.config)
        self.received: list = []
        self.requests: list = []
        self.inbox = Inbox(self.config, self.codec, self._deliver)
        self.inbox.start()

    def _deliver(self, received, requests) -> None:
        self.received += received
        self.requests += requests

    def close(self) -> None:
        self.inbox.stop()
        self.inbox.join(5)


@pytest.fixture
def receiver(redis_url: str):
    made = Receiver(redis_url)
    yield made
    made.close()


@pytest.fixture
def transport(redis_url: str):
    given = config("n2", redis_url)
    made = RedisTransport(given, codec(given))
    yield made
    made.stop()


def test_messages_arrive_in_order_and_together(receiver: Receiver, transport: RedisTransport) -> None:
    line = transport.sender(1)
    for term in range(300):
        line.send("n1", [VoteReply(term, True)])
    eventually(lambda: len(receiver.received) == 300)
    assert [message.term for _, message in receiver.received] == list(range(300))
    assert {source for source, _ in receiver.received} == {"n2"}


def test_large_messages_are_cut_into_frames_that_fit(receiver: Receiver, transport: RedisTransport) -> None:
    entry = Entry(1, 1, 1, b"x" * (200 << 10))
    transport.sender(1).send("n1", [AppendRequest(1, 0, 0, 0, 0, (entry,))] * 12)
    eventually(lambda: len(receiver.received) == 12)
    assert transport.oversized == 0 and not receiver.codec.counters


def test_rubbish_in_an_inbox_is_counted_and_what_follows_arrives(receiver: Receiver, transport, redis_url) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.rpush(keys.inbox(receiver.config.group, "n1", "n2"), b"rubbish", os.urandom(5000))
        client.rpush(keys.requests(receiver.config.group, "n1"), b"rubbish", encode({"no": "list"}))
    transport.sender(1).send("n1", [VoteReply(1, True)])
    eventually(lambda: receiver.received)
    eventually(lambda: receiver.codec.counters == {"size": 1, "tag": 1, "request": 2})
    assert receiver.requests == []


def test_local_requests_arrive(receiver: Receiver, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.rpush(keys.requests(receiver.config.group, "n1"), encode([ReadRequest("me", 1, 1000)]))
    assert eventually(lambda: receiver.requests) == [ReadRequest("me", 1, 1000)]


def test_an_inbox_that_nobody_empties_is_bounded_and_keeps_the_newest(transport, redis_url: str) -> None:
    key = keys.inbox(config("n1", redis_url).group, "n1", "n2")
    given = config("n2", redis_url)
    with redis.Redis.from_url(redis_url) as client:
        old = codec(given).seal("n1", 1, [VoteReply(0, False)])
        client.rpush(key, *[old] * (MAX_INBOX_FRAMES + 500))
        for round in range(TRIM_EVERY):
            transport.sender(1).send("n1", [VoteReply(round + 1, True)])
            newest = codec(given).seal("n1", 1, [VoteReply(round + 1, True)])
            eventually(lambda newest=newest: client.lindex(key, -1) == newest)
        assert client.llen(key) <= MAX_INBOX_FRAMES


def test_a_dead_peer_slows_nobody(receiver: Receiver, redis_url: str) -> None:
    given = config("n2", redis_url, n3=NOBODY)
    transport = RedisTransport(given, codec(given))
    try:
        line = transport.sender(1)
        for term in range(50):
            line.send("n3", [VoteReply(term, True)])
            line.send("n1", [VoteReply(term, True)])
        eventually(lambda: len(receiver.received) == 50)
        eventually(lambda: transport.failing() == ["n3"] and transport.dropped() > 0)
    finally:
        transport.stop()


def test_both_ends_recover_when_their_connections_are_killed(receiver: Receiver, transport, redis_url: str) -> None:
    line = transport.sender(1)
    line.send("n1", [VoteReply(1, True)])
    eventually(lambda: receiver.received)
    with redis.Redis.from_url(redis_url) as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def arrives() -> bool:
        line.send("n1", [VoteReply(2, True)])
        return any(message.term == 2 for _, message in receiver.received)

    eventually(arrives)


def test_a_new_member_is_sent_to_and_listened_to(receiver: Receiver, transport: RedisTransport, redis_url: str) -> None:
    given = config("n3", redis_url)
    newcomer = RedisTransport(given, codec(given))
    members = {"n1": redis_url, "n2": redis_url, "n3": redis_url}
    try:
        newcomer.sender(1).send("n1", [VoteReply(1, True)])
        receiver.codec.set_members(members)
        receiver.inbox.set_members(members)
        assert eventually(lambda: receiver.received) == [("n3", VoteReply(1, True))]
    finally:
        newcomer.stop()
    transport.set_members(members)
    transport.sender(1).send("n3", [VoteReply(2, True)])
    with redis.Redis.from_url(redis_url) as client:
        eventually(lambda: client.llen(keys.inbox(given.group, "n3", "n2")) == 1)


def test_a_member_that_has_gone_is_neither_sent_to_nor_listened_to(receiver: Receiver, transport, redis_url) -> None:
    transport.sender(1).send("n1", [VoteReply(1, True)])
    eventually(lambda: receiver.received)
    transport.set_members({"n2": redis_url})
    transport.sender(1).send("n1", [VoteReply(2, True)])
    assert transport.failing() == []
    receiver.inbox.set_members(["n1", "n3"])
    receiver.codec.set_members(["n1", "n3"])
    with redis.Redis.from_url(redis_url) as client:
        # A round with the new keys has begun once a request came through in one.
        for token in (1, 2):
            client.rpush(keys.requests(receiver.config.group, "n1"), encode([ReadRequest("me", token, 1000)]))
            eventually(lambda token=token: len(receiver.requests) == token)
        given = config("n2", redis_url)
        left = keys.inbox(given.group, "n1", "n2")
        client.rpush(left, codec(given).seal("n1", 1, [VoteReply(3, True)]))
        client.rpush(keys.requests(receiver.config.group, "n1"), encode([ReadRequest("me", 3, 1000)]))
        eventually(lambda: len(receiver.requests) == 3)
    assert [message.term for _, message in receiver.received] == [1]


def test_a_member_that_moves_is_sent_to_at_its_new_address(receiver: Receiver, redis_url: str) -> None:
    given = NodeConfig(f"g{os.getpid()}", "n2", redis_url, {"n1": NOBODY, "n2": redis_url}, secret="s")
    moving = RedisTransport(given, codec(given))
    try:
        moving.sender(1).send("n1", [VoteReply(1, True)])
        eventually(lambda: moving.failing() == ["n1"])
        lost = moving.dropped()
        moving.set_members({"n1": redis_url, "n2": redis_url})
        moving.sender(1).send("n1", [VoteReply(2, True)])
        assert eventually(lambda: receiver.received) == [("n2", VoteReply(2, True))]
        assert moving.failing() == [] and moving.dropped() >= lost
    finally:
        moving.stop()
