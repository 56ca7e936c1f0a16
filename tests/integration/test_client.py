"""The client against a real Redis with nobody, or somebody, at the other end."""

import pytest
import redis

from consensus import keys
from consensus.client import Applied, Client
from consensus.conf import NodeConfig
from consensus.errors import Diverged, NoLeader, OutcomeUnknown, Overloaded
from consensus.requests import Answer, requests_decoder
from consensus.wire import encode
from tests.support.servers import OtherRedis
from tests.support.waiting import eventually


@pytest.fixture
def config(redis_url: str) -> NodeConfig:
    return NodeConfig("clients", "n1", redis_url, {"n1": redis_url})


@pytest.fixture
def server(redis_url: str):
    with redis.Redis.from_url(redis_url) as connection:
        yield connection


def take(server: redis.Redis, config: NodeConfig):
    """The next request that reached the runtime's list."""
    _, raw = eventually(lambda: server.blpop([keys.requests(config.group, config.node)], 1))
    return requests_decoder.decode(raw)


def test_what_is_submitted_arrives_and_each_gets_its_own_answer(config: NodeConfig, server: redis.Redis) -> None:
    client = Client(config)
    futures = [client.submit(b"x", f"r{i}", 10) for i in range(20)]
    requests = []
    while len(requests) < 20:
        requests += take(server, config)
    answers = [Answer(request.token, "ok", 100 + i, b"%d" % i) for i, request in enumerate(requests)]
    server.rpush(requests[0].reply_to, encode(list(reversed(answers))))
    assert [future.result(10) for future in futures] == [Applied(100 + i, b"%d" % i) for i in range(20)]


@pytest.mark.parametrize(
    ("status", "error"), [("no_leader", NoLeader), ("overloaded", Overloaded), ("unknown", OutcomeUnknown)]
)
def test_each_way_to_fail_is_an_error_of_its_own(config: NodeConfig, server: redis.Redis, status, error) -> None:
    future = Client(config).submit(b"x", "r", 10)
    (request,) = take(server, config)
    server.rpush(request.reply_to, encode([Answer(request.token, status)]))
    with pytest.raises(error):
        future.result(10)


@pytest.mark.parametrize("status", ["no_leader", "overloaded", "diverged"])
def test_a_refusal_of_what_was_sent_twice_says_nothing_about_the_first_one(
    config: NodeConfig, server: redis.Redis, status: str
) -> None:
    client = Client(config)
    write, read = client.submit(b"x", "r", 10), client.submit_read(10)
    requests = take(server, config)
    while len(requests) < 2:
        requests += take(server, config)
    assert client.still_wanted(requests) == requests
    server.rpush(requests[0].reply_to, encode([Answer(request.token, status) for request in requests]))
    with pytest.raises(OutcomeUnknown):
        write.result(10)
    with pytest.raises((NoLeader, Overloaded, Diverged)):
        read.result(10)
    assert client.still_wanted(requests) == []


def test_without_an_answer_a_write_is_unknown_and_a_read_unavailable(config: NodeConfig) -> None:
    client = Client(config)
    with pytest.raises(OutcomeUnknown):
        client.propose(b"x", "r", 0.1)
    with pytest.raises(NoLeader):
        client.read_index(0.1)


def test_without_redis_a_write_is_certainly_not_done() -> None:
    with pytest.raises(NoLeader, match="Redis cannot be reached"):
        Client(NodeConfig("clients", "n1", "redis://127.0.0.1:1/0")).propose(b"x", "r", 1)


def test_a_connection_that_died_unused_is_noticed_before_it_is_used(config: NodeConfig, server: redis.Redis) -> None:
    """After a restart of Redis the first write must not be reported as unknown."""
    client = Client(config)
    client.submit(b"x", "r1", 10)
    take(server, config)
    server.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    future = client.submit(b"y", "r2", 10)
    (request,) = take(server, config)

    def answered() -> bool:
        # The answers' connection was killed as well; it comes back by itself.
        server.rpush(request.reply_to, encode([Answer(request.token, "ok", 1)]))
        return future.done()

    eventually(answered)
    assert future.result() == Applied(1, b"")


def test_a_redis_that_refuses_requests_is_a_certain_no(config: NodeConfig, server: redis.Redis) -> None:
    server.set(keys.requests(config.group, config.node), "no list")
    with pytest.raises(NoLeader, match="refuses requests"):
        Client(config).propose(b"x", "r", 60)


def test_a_redis_that_hangs_does_not_cost_the_whole_deadline(other_redis: OtherRedis) -> None:
    client = Client(NodeConfig("clients", "n1", other_redis.url, {"n1": other_redis.url}))
    sent = client.submit(b"x", "r0", 3600)
    with redis.Redis.from_url(other_redis.url) as connection:
        eventually(lambda: connection.llen(keys.requests("clients", "n1")) == 1)
    other_redis.pause()
    try:
        with pytest.raises(OutcomeUnknown):
            client.propose(b"x", "r", 3600)
        with pytest.raises(NoLeader):
            client.read_index(3600)
        assert not sent.done() or isinstance(sent.exception(), OutcomeUnknown)
    finally:
        other_redis.resume()
