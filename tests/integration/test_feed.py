"""What the runtime tells this node's other processes, over a real Redis."""

import redis

from consensus import keys
from consensus.conf import NodeConfig
from consensus.feed import Feed, _render
from consensus.wire import Answer, answers_decoder
from tests.support.waiting import eventually


def test_the_applied_index_reaches_whoever_listens(redis_url: str) -> None:
    feed = Feed(NodeConfig("feeds", "n1", redis_url, {"n1": redis_url}))
    with redis.Redis.from_url(redis_url) as client, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(keys.applied("feeds", "n1"))
        eventually(lambda: client.pubsub_numsub(keys.applied("feeds", "n1"))[0][1])
        feed.publish_applied(41)
        heard = eventually(lambda: listener.get_message(timeout=1))
    assert int(heard["data"]) == 41
    feed.stop()


def test_what_waited_goes_out_together_and_only_the_latest_news_go() -> None:
    first, second = Answer(1, "ok"), Answer(2, "ok")
    items = [("a", [first]), ("PUBLISH", "c", 1), ("SET", "s", b"1"), ("a", [second]), ("PUBLISH", "c", 2)]
    push, expire, *news = _render(items)
    assert push[:2] == ("RPUSH", "a") and answers_decoder.decode(push[2]) == [first, second]
    assert expire[:2] == ("EXPIRE", "a")
    assert news == [("PUBLISH", "c", 2), ("SET", "s", b"1")]
