"""Watching: every change once, in order, whatever breaks; and every way a watch can end."""

import itertools
import json

import pytest
from django.utils import timezone

from config_service.accounts import services as accounts
from config_service.accounts.models import ApiToken
from config_service.api import streams
from config_service.api.events import event_body, event_id
from config_service.api.renderers import to_json
from config_service.api.rendering import render_held
from config_service.entries.models import HistoryReach
from config_service.entries.selectors import applied_revision
from config_service.entries.snapshots import ChangeSnapshot
from config_service.guard import applying
from config_service.live import changes, watchers, window
from config_service.live.changes import end_of
from tests.service.conftest import Api, group_view
from tests.support.asgi import Stream, Web
from tests.support.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def web(transactional_db, direct, settings, monkeypatch):
    settings.WEB_THREADS = 4
    monkeypatch.setattr(watchers, "LOOK_EVERY_S", 0.05)
    web = Web()
    yield web
    web.close()


@pytest.fixture
def put(shop, direct, web):
    """Write, and tell the web process of it, as the runtime does."""

    def write(key: str, value: object = 1, namespace: str = "shop") -> int:
        answer = shop.put(f"namespaces/{namespace}/entries/{key}", {"value": value})
        web.on_loop(lambda: web.live.follower.tell(direct.applied))
        return answer.json()["revision"]

    return write


def news(web: Web, direct) -> None:
    web.on_loop(lambda: web.live.follower.tell(direct.applied))


def watch(web: Web, api: Api, query: str = "", **headers: str) -> Stream:
    stream = web.begin("GET", f"/api/v1/watch?{query}", api.headers | STREAM | headers)
    eventually(lambda: stream.raw or stream.over)
    return stream


def poll(web: Web, api: Api, query: str):
    return web.ask("GET", f"/api/v1/watch?{query}", api.headers)


def told(stream: Stream, count: int) -> list[tuple[str, str]]:
    eventually(lambda: len(stream.changes()) >= count, what=f"{count} changes in {stream.raw!r}")
    return stream.changes()


def ended(stream: Stream) -> dict:
    eventually(lambda: stream.over)
    return stream.events("end")[-1].data


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


def compact(oldest: int) -> None:
    with applying():
        HistoryReach.objects.update_or_create(
            id=1, defaults={"oldest_revision": oldest, "oldest_at": timezone.now(), "revision": oldest}
        )


def test_what_is_compacted_is_gone(shop, web, put):
    revisions = [put(f"k{i}") for i in range(5)]
    compact(revisions[2])
    for query, headers in ((f"since={revisions[1]}", {}), ("", {"Last-Event-ID": f"{revisions[2]}.1"})):
        refused = web.ask("GET", f"/api/v1/watch?{query}", shop.headers | headers)
        assert (refused.status, refused.json()["oldest_revision"]) == (410, revisions[2])
    kept = poll(web, shop, f"since={revisions[2]}").json()
    assert [item["revision"] for item in kept["items"]] == revisions[3:]


def test_a_watch_that_is_compacted_while_it_reads_ends_and_says_from_where(shop, web, put, monkeypatch):
    monkeypatch.setattr(changes, "PAGE_CHANGES", 2)
    revisions = [put(f"k{i}") for i in range(9)]
    stream = web.begin("GET", "/api/v1/watch?namespace=shop&since=0", shop.headers | STREAM)
    stream.held = True
    eventually(lambda: stream.status)
    compact(revisions[7])
    stream.held = False
    assert ended(stream)["reason"] == "compacted" and ended(stream)["oldest_revision"] == revisions[7]


def test_the_future_is_refused(shop, web, put):
    put("a")
    refused = poll(web, shop, f"since={applied_revision() + 1}")
    assert (refused.status, refused.json()["current_revision"]) == (400, applied_revision())


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("since=x", {}),
        ("since=-1", {}),
        ("wait_s=61", {}),
        ("prefix=%20", {}),
        ("namespace=%2e%2e", {}),
        ("unknown=1", {}),
        ("since=1&since=2", {}),
        ("", {"Last-Event-ID": "x"}),
        ("", {"Last-Event-ID": "1.x"}),
        ("", {"Last-Event-ID": "9" * 30}),
    ],
)
def test_bad_requests_are_refused(shop, web, query, headers):
    answer = web.ask("GET", f"/api/v1/watch?{query}", shop.headers | headers)
    assert (answer.status, answer.header("content-type")) == (400, "application/problem+json")


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


def test_a_stream_ends_when_its_token_is_revoked_and_others_go_on(shop, root, web, put):
    made = accounts.create_token("t", "t", root.pk, ["read:shop"])
    doomed = watch(web, Api(made.plain), "namespace=shop&since=0")
    other = watch(web, shop, "namespace=shop&since=0")
    put("a")
    told(doomed, 1)
    accounts.delete_token("t", ApiToken.objects.get(token_hash=accounts.hash_token(made.plain)).pk)
    put("b")
    assert ended(doomed)["reason"] == "not_allowed"
    assert [key for key, _ in doomed.changes()] == ["a"], "nothing was told after the token was revoked"
    assert [key for key, _ in told(other, 2)] == ["a", "b"]
    web.leave(other)


def test_a_drained_node_sends_its_watchers_away_and_takes_no_new_ones(shop, web, put, group):
    stream = watch(web, shop, "namespace=shop")
    members = group.view.members
    drained = group_view(members=(type(members[0])(**{**_fields(members[0]), "state": "draining"}), *members[1:]))
    group.view = drained
    assert ended(stream)["reason"] == "draining"
    refused = poll(web, shop, "namespace=shop")
    assert (refused.status, refused.json()["type"]) == (503, "urn:config-service:problem:draining")
    assert refused.header("retry-after") == "1"
    group.view = group_view()
    again = watch(web, shop, "namespace=shop")
    put("a")
    assert told(again, 1)
    web.leave(again)


def _fields(member) -> dict:
    return {name: getattr(member, name) for name in member.__slots__}


def test_a_stream_says_when_its_node_is_cut_off_and_stays(shop, web, put, group):
    stream = watch(web, shop, "namespace=shop")
    group.view = group_view(leader="", leader_heard_ms=9000)
    eventually(lambda: [event.data["connected"] for event in stream.events("status")] == [False])
    group.view = group_view()
    eventually(lambda: [event.data["connected"] for event in stream.events("status")] == [False, True])
    put("a")
    assert told(stream, 1) and not stream.over
    web.leave(stream)


def test_a_reader_who_takes_nothing_is_cut_off_and_nobody_else_notices(shop, web, put, monkeypatch):
    monkeypatch.setattr(streams, "SLOW_S", 0.3)
    slow, quick = (watch(web, shop, "namespace=shop") for _ in range(2))
    slow.held = True
    for place in range(5):
        put(f"k{place}")
    assert len(told(quick, 5)) == 5
    eventually(lambda: len(web.live.watchers) != 2)
    slow.held = False
    assert ended(slow)["reason"] == "too_slow"
    last_id = slow.events()[-2].id
    web.leave(quick)
    resumed = watch(web, shop, "namespace=shop", **{"Last-Event-ID": last_id})
    assert told(resumed, 5) == quick.changes()
    web.leave(resumed)


def test_a_quiet_stream_shows_that_it_lives_and_how_far_it_is(shop, web, put, monkeypatch):
    monkeypatch.setattr(streams, "BEAT_S", 0.2)
    stream = watch(web, shop, "namespace=shop&prefix=none")
    eventually(lambda: b": alive\n" in stream.raw)
    revision = put("a")
    progress = eventually(lambda: stream.events("progress"))[-1]
    assert (progress.id, progress.data["revision"]) == (str(revision), revision)
    web.leave(stream)


def test_while_the_database_is_away_a_stream_stays_and_goes_on_afterwards(shop, web, put, monkeypatch):
    stream = watch(web, shop, "namespace=shop")
    page = web.live.follower._reader.page
    failures = itertools.count()

    async def broken(after):
        next(failures)
        raise OSError("the database is away")

    monkeypatch.setattr(web.live.follower._reader, "page", broken)
    put("a")
    eventually(lambda: next(failures) > 3)
    monkeypatch.setattr(web.live.follower._reader, "page", page)
    assert told(stream, 1) and not stream.over
    web.leave(stream)


def test_a_process_that_stops_tells_its_watchers_first(shop, web, put):
    stream = watch(web, shop, "namespace=shop")
    web.on_loop(web.live.watchers.stop)
    assert ended(stream)["reason"] == "stopping"


def test_a_server_without_an_event_loop_says_that_it_cannot_watch(shop):
    answer = shop.get("watch?namespace=shop")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:config-service:problem:not-served")


def test_it_is_known_how_many_watch_an_entry(shop, web, put):
    put("a/b")
    streams = [watch(web, shop, query) for query in ("namespace=shop&prefix=a/", "namespace=shop", "namespace=shop")]
    count = web.live.watchers.count
    assert eventually(lambda: count("shop", "a/b") == 3)
    assert (count("shop", "b"), count("other", "a/b")) == (2, 0)
    for stream in streams:
        web.leave(stream)
    assert eventually(lambda: count("shop", "a/b") == 0)
