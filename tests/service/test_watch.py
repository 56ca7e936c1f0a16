"""Watching: every change once, in order, wherever a stream breaks."""

import json

import pytest

from config_service.api.events import event_body, event_id
from config_service.api.renderers import to_json
from config_service.api.rendering import render_held
from config_service.entries.selectors import applied_revision
from config_service.entries.snapshots import ChangeSnapshot
from config_service.live import changes, window
from config_service.live.changes import end_of
from tests.service.conftest import Api
from tests.service.watching import news, poll, put, told, watch, web
from tests.support.asgi import Web
from tests.support.waiting import eventually

__all__ = ["put", "web"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_stream_tells_what_was_and_what_comes(shop, web, put):
    first = put("a", {"b": [1]})
    stream = watch(web, shop, "namespace=shop&since=0")
    assert stream.status == 200 and dict(stream.headers)["content-type"] == "text/event-stream"
    assert dict(stream.headers)["config-consistency"] == "stale"
    assert told(stream, 1) == [("a", str(first))]
    second = put("b", 2)
    third = put("a", 3)
    assert told(stream, 3) == [("a", str(first)), ("b", str(second)), ("a", str(third))]
    event = stream.events("change")[0].data
    assert event["namespace"] == "shop" and event["operation"] == "put" and event["value"] == {"b": [1]}
    assert event["revision"] == first and event["actor"] == "root" and event["version"] == 1
    shop.delete("namespaces/shop/entries/a")
    put("c")
    eventually(lambda: len(stream.changes()) == 5)
    gone = stream.events("change")[3].data
    assert (gone["operation"], gone["key"], gone["value"]) == ("delete", "a", None)
    web.leave(stream)
    eventually(lambda: not len(web.live.watchers))


def test_without_since_a_stream_begins_now_and_says_where_that_is(shop, web, put):
    put("before")
    stream = watch(web, shop, "namespace=shop")
    start = eventually(lambda: stream.events("start"))[0]
    assert start.id == str(start.data["revision"]) == str(applied_revision())
    after = put("after")
    assert told(stream, 1) == [("after", str(after))]
    web.leave(stream)
    # Broken off before anything came, it goes on where it began.
    resumed = watch(web, shop, "namespace=shop", **{"Last-Event-ID": start.id})
    assert told(resumed, 1) == [("after", str(after))]
    web.leave(resumed)


def test_filters(shop, web, put):
    shop.put("namespaces/other", {})
    streams_by_query = {
        query: watch(web, shop, f"{query}&since=0")
        for query in ("namespace=shop", "namespace=shop&prefix=a/", "namespace=other", "prefix=a/", "")
    }
    for key, namespace in (("a/1", "shop"), ("b/1", "shop"), ("a/2", "other"), ("b/2", "other"), ("a", "shop")):
        put(key, 1, namespace)
    expected = {
        "namespace=shop": ["a/1", "b/1", "a"],
        "namespace=shop&prefix=a/": ["a/1"],
        "namespace=other": ["a/2", "b/2"],
        "prefix=a/": ["a/1", "a/2"],
        "": ["a/1", "b/1", "a/2", "b/2", "a"],
    }
    for query, keys in expected.items():
        assert [key for key, _ in told(streams_by_query[query], len(keys))] == keys
        web.leave(streams_by_query[query])
        answer = poll(web, shop, f"{query}&since=0").json()
        assert ([item["key"] for item in answer["items"]], answer["revision"]) == (keys, applied_revision())


def test_whoever_watches_everything_is_told_what_they_may_read(shop, api_for, web, put):
    shop.put("namespaces/other", {})
    put("a", 1, "other")
    put("b")
    assert [item["key"] for item in poll(web, api_for("read:other"), "since=0").json()["items"]] == ["a"]
    assert poll(web, api_for("write:shop"), "since=0").json()["items"] == []
    refused = poll(web, api_for("read:other"), "namespace=shop")
    assert (refused.status, refused.json()["missing"]) == (403, "read:shop")
    assert poll(web, Api(), "").status == 401


def several_at_once(shop: Api, web: Web, direct, put) -> int:
    """A revision that changes four entries: one rollback of a namespace."""
    before = put("one")
    for key in ("two", "three", "four"):
        put(key)
    put("one", 2)
    done = shop.post("namespaces/shop/rollback", {"revision": before})
    assert done.status_code == 200 and done.json()["changed"] == 4
    news(web, direct)
    return done.json()["revision"]


def test_wherever_a_stream_breaks_resuming_neither_loses_nor_repeats(shop, web, direct, put):
    at_once = several_at_once(shop, web, direct, put)
    put("last")
    stream = watch(web, shop, "namespace=shop&since=0")
    everything = told(stream, 10)
    web.leave(stream)
    assert len(everything) == 10
    together = [id for _, id in everything if id.partition(".")[0] == str(at_once)]
    assert together == [f"{at_once}.1", f"{at_once}.2", f"{at_once}.3", str(at_once)]
    for place, (_, last_id) in enumerate(everything):
        resumed = watch(web, shop, "namespace=shop&since=0", **{"Last-Event-ID": last_id})
        rest = told(resumed, len(everything) - place - 1)
        assert rest == everything[place + 1 :]
        web.leave(resumed)


def test_a_filtered_stream_has_the_revision_as_the_id_of_its_last_event_there(shop, web, direct, put):
    at_once = several_at_once(shop, web, direct, put)
    stream = watch(web, shop, f"namespace=shop&prefix=t&since={at_once - 1}")
    changed = told(stream, 2)
    assert [key for key, _ in changed] == ["two", "three"] or [key for key, _ in changed] == ["three", "two"]
    assert changed[-1][1] == str(at_once) and changed[0][1].startswith(f"{at_once}.")
    web.leave(stream)


def test_what_is_sealed_is_neither_told_nor_held() -> None:
    change = ChangeSnapshot(1, "shop", "a", 1, "put", '"sealed"', "secret", 1, 1, "", "ann", "", None)
    told = json.loads(to_json(event_body(change)))
    assert (told["value"], told["masked"]) == (None, True)
    assert render_held(change.as_entry()) is None


def test_ids_name_positions() -> None:
    assert event_id(end_of(7)) == "7"
    assert event_id(7 * changes.IDS_PER_REVISION) == "7.1"


@pytest.mark.parametrize("page", [2, 5, 1000])
def test_what_the_window_does_not_hold_comes_from_history(shop, web, direct, put, monkeypatch, page):
    monkeypatch.setattr(window, "MOST_CHANGES", 3)
    monkeypatch.setattr(changes, "PAGE_CHANGES", page)
    several_at_once(shop, web, direct, put)
    for place in range(12):
        put(f"k{place}")
    eventually(lambda: web.live.replica.revision == direct.applied)
    for since in (0, direct.applied - 8, direct.applied - 1, direct.applied):
        stream = watch(web, shop, f"namespace=shop&since={since}")
        new = put(f"after/{since}")
        eventually(lambda stream=stream, last=(f"after/{since}", str(new)): stream.changes()[-1:] == [last])
        answer = poll(web, shop, f"namespace=shop&since={since}").json()
        ids = [int(id.partition(".")[0]) for _, id in stream.changes()]
        assert [item["revision"] for item in answer["items"]] == ids
        assert ids == sorted(ids) and ids[0] > since and len(stream.changes()) == len(set(stream.changes()))
        web.leave(stream)


def test_many_watchers_all_hear_everything_once(shop, web, put):
    open_streams = [watch(web, shop, f"namespace=shop&prefix=k{i % 3}&since=0") for i in range(30)]
    revisions = [put(f"k{i % 3}/{i}") for i in range(30)]
    for number, stream in enumerate(open_streams):
        expected = [(f"k{number % 3}/{i}", str(revisions[i])) for i in range(30) if i % 3 == number % 3]
        assert told(stream, 10) == expected
        web.leave(stream)


def test_when_everything_is_read_anew_nobody_misses_or_repeats_anything(shop, web, put, monkeypatch):
    stream = watch(web, shop, "namespace=shop&since=0")
    quiet = watch(web, shop, "namespace=shop&prefix=z&since=0")
    put("a")
    told(stream, 1)
    monkeypatch.setattr(web.live.follower, "_missed_some", lambda page: True)
    loaded = web.live.follower.reloads
    expected = ["a", *(f"k{i}" for i in range(5)), "z"]
    for key in expected[1:]:
        put(key)
    eventually(lambda: web.live.follower.reloads > loaded)
    monkeypatch.undo()
    assert [key for key, _ in told(stream, 7)] == expected
    assert [key for key, _ in told(quiet, 1)] == ["z"]
    web.leave(stream)
    web.leave(quiet)


def test_a_long_poll_waits_for_the_first_change(shop, web, put):
    put("before")
    since = applied_revision()
    waiting = web.begin("GET", f"/api/v1/watch?namespace=shop&since={since}&wait_s=60", shop.headers)
    eventually(lambda: len(web.live.watchers))
    revision = put("after")
    waiting.future.result(20)
    assert waiting.status == 200 and dict(waiting.headers)["content-type"] == "application/json"
    answer = poll(web, shop, f"namespace=shop&since={since}")
    assert waiting.raw == answer.body and answer.json()["revision"] == revision
    nothing = poll(web, shop, f"namespace=shop&since={revision}").json()
    assert nothing == {"revision": revision, "items": []}
    assert poll(web, shop, f"namespace=shop&since={revision}&wait_s=1").json() == nothing


def test_it_is_known_how_many_watch_an_entry(shop, web, put):
    put("a/b")
    streams = [watch(web, shop, query) for query in ("namespace=shop&prefix=a/", "namespace=shop", "namespace=shop")]
    count = web.live.watchers.count
    assert eventually(lambda: count("shop", "a/b") == 3)
    assert (count("shop", "b"), count("other", "a/b")) == (2, 0)
    for stream in streams:
        web.leave(stream)
    assert eventually(lambda: count("shop", "a/b") == 0)
