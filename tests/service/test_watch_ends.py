"""Every way a watch is refused, is cut off, or ends."""

import itertools

import pytest
from django.utils import timezone

from config_service.accounts import services as accounts
from config_service.accounts.models import ApiToken
from config_service.api import streams
from config_service.entries.models import HistoryReach
from config_service.entries.selectors import applied_revision
from config_service.guard import applying
from config_service.live import changes
from tests.service.conftest import Api, group_view
from tests.service.watching import STREAM, ended, poll, put, told, watch, web
from tests.support.waiting import eventually

__all__ = ["put", "web"]

pytestmark = pytest.mark.django_db(transaction=True)


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
