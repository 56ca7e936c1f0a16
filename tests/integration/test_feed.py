"""What the runtime tells this node's other processes, over a real Redis."""

import redis

from consensus import keys
from consensus.conf import NodeConfig
from consensus.feed import Feed, _render
from consensus.requests import Answer, answers_decoder
from consensus.wire import encode
from tests.support.listener import Listener, answering, read_until
from tests.support.loop import Loop
from tests.support.waiting import eventually

FIRST, SECOND = Answer(1, "ok", 7), Answer(2, "ok", 7)


def test_the_applied_index_reaches_whoever_listens(loop: Loop, redis_url: str) -> None:
    feed = loop.call(lambda: Feed(loop.reactor, NodeConfig("feeds", "n1", redis_url, {"n1": redis_url})))
    with redis.Redis.from_url(redis_url) as client, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(keys.applied("feeds", "n1"))
        eventually(lambda: client.pubsub_numsub(keys.applied("feeds", "n1"))[0][1])
        loop.call(lambda: feed.publish({}, 41))
        heard = eventually(lambda: listener.get_message(timeout=1))
        assert int(heard["data"]) == 41
        # Said once: the next thing to be heard is news.
        loop.call(lambda: feed.publish({}, 41))
        loop.call(lambda: feed.publish({}, 42))
        assert int(eventually(lambda: listener.get_message(timeout=1))["data"]) == 42
    loop.call(feed.stop)


def test_answers_reach_the_list_of_whoever_asked(loop: Loop, redis_url: str) -> None:
    feed = loop.call(lambda: Feed(loop.reactor, NodeConfig("feeds", "n1", redis_url, {"n1": redis_url})))
    with redis.Redis.from_url(redis_url) as client:
        loop.call(lambda: feed.publish({"me": [Answer(1, "ok", 7)]}, 7))
        _, raw = client.blpop(["me"], 10)
        assert answers_decoder.decode(raw) == [Answer(1, "ok", 7)]
    loop.call(feed.stop)


def test_what_waited_goes_out_together_and_only_the_latest_news_go() -> None:
    first, second = Answer(1, "ok"), Answer(2, "ok")
    applied = [("", ("PUBLISH", "c", index)) for index in (1, 2)]
    items = [("a", [first]), applied[0], ("", ("SET", "s", b"1")), ("a", [second]), applied[1]]
    push, expire, *news = _render(items)
    assert push[:2] == ("RPUSH", "a") and answers_decoder.decode(push[2]) == [first, second]
    assert expire[:2] == ("EXPIRE", "a")
    assert news == [("PUBLISH", "c", 2), ("SET", "s", b"1")]


def test_who_is_in_no_hurry_hears_the_latest_index_now_and_then(loop: Loop, redis_url: str) -> None:
    feed = loop.call(lambda: Feed(loop.reactor, NodeConfig("feeds", "n1", redis_url, {"n1": redis_url})))
    channel = keys.applied_lately("feeds", "n1")
    with redis.Redis.from_url(redis_url) as client, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(channel)
        eventually(lambda: client.pubsub_numsub(channel)[0][1])

        def publish_many() -> None:
            for index in range(1, 100):
                feed.publish({}, index)

        loop.call(publish_many)
        heard = [int(eventually(lambda: listener.get_message(timeout=1))["data"])]
        while heard[-1] != 99:
            loop.call(lambda: feed.publish({}, 99))
            if message := listener.get_message():
                heard.append(int(message["data"]))
        assert len(heard) < 50
    loop.call(feed.stop)


def publish(loop: Loop, listener: Listener) -> Feed:
    """A feed, which has begun to connect, with an answer to be given."""
    url = f"redis://127.0.0.1:{listener.port}/0"
    feed = loop.call(lambda: Feed(loop.reactor, NodeConfig("feeds", "n1", url, {"n1": url})))
    loop.call(lambda: feed.publish({"me": [FIRST]}, 0))
    return feed


def test_an_answer_that_a_silent_connection_may_have_swallowed_is_given_again(loop: Loop, listener: Listener) -> None:
    feed = publish(loop, listener)
    for _ in range(2):
        assert encode([FIRST]) in read_until(answering(listener.accept()), b"EXPIRE")
    loop.call(feed.stop)


def test_an_answer_that_redis_refuses_is_given_twice_and_no_more(loop: Loop, listener: Listener) -> None:
    feed = publish(loop, listener)
    for _ in range(2):
        connection = answering(listener.accept())
        assert encode([FIRST]) in read_until(connection, b"EXPIRE")
        connection.sendall(b"-WRONGTYPE no list\r\n")
    third = listener.accept()
    loop.call(lambda: feed.publish({"you": [SECOND]}, 0))
    pushed = read_until(answering(third), b"EXPIRE")
    assert encode([SECOND]) in pushed and encode([FIRST]) not in pushed
    loop.call(feed.stop)
