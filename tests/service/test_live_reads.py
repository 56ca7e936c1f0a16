"""Reads answered from memory: the same bytes as the views, never older than they may be, never for the wrong caller."""

import json

import pytest
from django.http import SimpleCookie

from config_service.accounts import services as accounts
from config_service.accounts.models import ApiToken
from config_service.api import hot
from config_service.entries import selectors
from consensus import errors
from consensus.models import AppliedState
from tests.service.conftest import Api
from tests.support.asgi import Answer, Web
from tests.support.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/api/v1/namespaces/shop/entries/"


@pytest.fixture
def web(transactional_db, direct, settings):
    settings.WEB_THREADS = 4
    web = Web()
    yield web
    web.close()


def read(web: Web, api: Api, key: str = "a", query: str = "", **headers: str) -> tuple[Answer, bool]:
    """The answer, and whether it came from memory."""
    before = web.app._reads.answered
    answer = web.ask("GET", BASE + key + query, api.headers | headers)
    return answer, web.app._reads.answered > before


def from_views(web: Web, api: Api, key: str, query: str, headers: dict[str, str]) -> Answer:
    return web.ask("GET", BASE + key + query, api.headers | headers, app=web.app._django)


VALUES = [
    0, -1, 2**70, 1.5, 1e300, "", "plain", "Grüße \u2028 \U0001f600", 'quotes " and \\', "\x00\x1f", True, None, [], {},
    {"b": [1, {"a": None}], "a": 2}, "x" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("query", ["", "?consistency=linearizable", "?consistency=stale"])
def test_the_same_bytes_and_headers_as_the_views(shop, web, query):
    for place, value in enumerate(VALUES):
        assert shop.put(f"namespaces/shop/entries/k/{place}", {"value": value, "comment": "é"}).status_code == 201
    revision = selectors.applied_revision()
    for place in range(len(VALUES)):
        tag = f'"{selectors.get_entry("shop", f"k/{place}").revision}"'
        for headers in ({}, {"If-None-Match": tag}, {"If-None-Match": f'"1", W/{tag}'}, {"If-None-Match": "*"},
                        {"If-None-Match": '"1"'}, {"Accept": "text/html"}):  # fmt: skip
            ours, from_memory = read(web, shop, f"k/{place}", query, **headers)
            theirs = from_views(web, shop, f"k/{place}", query, headers)
            assert from_memory
            assert ours.status == (304 if headers.get("If-None-Match", '"1"') != '"1"' else 200)
            assert (ours.status, ours.body, _timeless(ours)) == (theirs.status, theirs.body, _timeless(theirs))
            assert ours.header("config-revision") == str(revision)


def test_what_memory_has_told_is_known_to_whoever_reads_the_tables(shop, web, direct, monkeypatch):
    """After a crash of Postgres those may be behind it."""
    told = []
    monkeypatch.setattr(direct, "note_applied", told.append)
    shop.put("namespaces/shop/entries/a", {"value": 1})
    told.clear()
    answer, from_memory = read(web, shop, "a", "?consistency=stale")
    assert from_memory and told == [int(answer.header("config-revision"))]


def test_who_may_read_is_not_decided_by_tables_that_a_crash_has_put_back(shop, root, web, direct, monkeypatch):
    """What was remembered of them would stay when they are as before."""
    shop.put("namespaces/shop/entries/a", {"value": 1})
    reader = Api(accounts.create_token("t", "t", root.pk, ["read:shop"]).plain)
    eventually(lambda: web.app._live.follower.head.applied == direct.applied)
    waited = []

    def wait_applied(index, deadline_s=None):
        waited.append(index)
        AppliedState.objects.update(index=index)

    monkeypatch.setattr(direct, "wait_applied", wait_applied)
    AppliedState.objects.update(index=direct.applied - 1)
    answer, from_memory = read(web, reader, "a", "?consistency=stale")
    assert (from_memory, answer.status, waited) == (True, 200, [direct.applied])


def _timeless(answer: Answer) -> list[tuple[str, str]]:
    return [(name, "" if name == "config-age-ms" else value) for name, value in answer.headers]


def test_what_is_not_usual_is_left_to_the_views_and_answered_alike(shop, api_for, web):
    shop.put("namespaces/shop/entries/a", {"value": 1})
    revision = selectors.applied_revision()
    assert read(web, shop)[1]
    stranger = api_for("read:other")
    for api, key, query, headers in (
        (shop, "none", "", {}),
        (shop, "a", "?consistency=wrong", {}),
        (shop, "a", "?consistency=stale&consistency=stale", {}),
        (shop, "a", "?unknown=1", {}),
        (shop, "a", f"?min_revision={revision}", {}),
        (shop, "a", f"?revision={revision}", {}),
        (shop, "a", "", {"Host": "evil.example.com"}),
        (shop, "a", "", {"Cookie": "a=b"}),
        (shop, "a/history", "", {}),
        (shop, "%61%00", "", {}),
        (stranger, "a", "", {}),
        (Api("cfg_unknown"), "a", "", {}),
        (Api(), "a", "", {}),
    ):
        ours, from_memory = read(web, api, key, query, **headers)
        theirs = from_views(web, api, key, query, headers)
        assert not from_memory, (key, query, headers)
        assert (ours.status, ours.body, _timeless(ours)) == (theirs.status, theirs.body, _timeless(theirs))
    assert web.ask("HEAD", BASE + "a", shop.headers).body == b""


def test_a_person_who_is_signed_in_reads_through_the_views(shop, root, web, client):
    shop.put("namespaces/shop/entries/a", {"value": 1})
    client.force_login(root)
    cookie = SimpleCookie({"sessionid": client.cookies["sessionid"].value}).output(header="", attrs=[]).strip()
    answer = web.ask("GET", BASE + "a", {"Cookie": cookie})
    assert (answer.status, answer.json()["value"]) == (200, 1)


def test_every_write_is_seen_by_the_next_read_of_either_kind(shop, web):
    for value in range(20):
        query = "?consistency=stale" if value % 2 else ""
        shop.put("namespaces/shop/entries/a", {"value": value})
        answer, from_memory = read(web, shop, "a", query)
        assert answer.json()["value"] == value and from_memory
    shop.delete("namespaces/shop/entries/a")
    assert read(web, shop)[0].status == 404
    shop.put("namespaces/shop/entries/a", {"value": "again"})
    assert read(web, shop)[0].json()["version"] == 1


def test_a_token_that_is_revoked_or_narrowed_is_refused_with_the_next_read(shop, root, web):
    shop.put("namespaces/shop/entries/a", {"value": 1})
    made = accounts.create_token("t", "t", root.pk, ["read:shop"])
    api = Api(made.plain)
    for query in ("", "?consistency=stale"):
        assert read(web, api, "a", query)[0].status == 200
    token = ApiToken.objects.get(token_hash=accounts.hash_token(made.plain))
    accounts.delete_token("t", token.pk)
    for query in ("?consistency=stale", ""):
        assert read(web, api, "a", query)[0].status == 401


def test_while_the_replica_lags_reads_wait_and_never_show_less_than_was_shown(shop, web, monkeypatch):
    shop.put("namespaces/shop/entries/a", {"value": 1})
    assert read(web, shop)[0].status == 200
    monkeypatch.setattr(hot, "CATCH_UP_S", 0.2)
    page, asked = web.live.follower._reader.page, []

    async def broken(after):
        asked.append(after)
        raise OSError("the database is away")

    monkeypatch.setattr(web.live.follower._reader, "page", broken)
    # Nothing has happened: what is in memory is what there is, with the database or without it.
    for query in ("", "?consistency=stale"):
        assert read(web, shop, "a", query)[1]
    shop.put("namespaces/shop/entries/a", {"value": 2})
    for query in ("", "?consistency=stale"):
        answer, from_memory = read(web, shop, "a", query)
        assert not from_memory and answer.json()["value"] == 2
    assert asked
    monkeypatch.setattr(web.live.follower._reader, "page", page)
    eventually(lambda: read(web, shop)[1])
    assert read(web, shop)[0].json()["value"] == 2


def test_without_a_leader_a_read_is_refused_once_and_a_stale_one_answered(shop, direct, web, group):
    shop.put("namespaces/shop/entries/a", {"value": 1})
    read(web, shop)
    reads = direct.reads
    direct.failure = errors.NoLeader("nobody leads")
    answer, from_memory = read(web, shop)
    assert (answer.status, answer.json()["type"]) == (503, "urn:config-service:problem:no-leader")
    assert not from_memory and direct.failure is None and direct.reads == reads, "the views did not ask again"
    assert answer.header("retry-after") == "1"
    assert read(web, shop, "a", "?consistency=stale")[1]


def test_what_does_not_fit_in_memory_is_read_through_the_views(shop, web):
    big = "x" * 1000
    web.on_loop(lambda: setattr(web.live.replica, "_most_bytes", 7000))
    for place in range(10):
        shop.put(f"namespaces/shop/entries/k{place}", {"value": big})
    answers = [read(web, shop, f"k{place}") for place in range(10)]
    assert [answer.json()["value"] for answer, _ in answers] == [big] * 10
    assert [from_memory for _, from_memory in answers] == [False] * 7 + [True] * 3
    assert web.live.replica.bytes <= 7000


def test_after_a_gap_everything_is_read_anew(shop, web, monkeypatch):
    for place in range(5):
        shop.put(f"namespaces/shop/entries/k{place}", {"value": place})
    read(web, shop, "k0")
    loaded = web.live.follower.reloads
    # As after a snapshot: the tables are further than history can tell from where we are.
    monkeypatch.setattr(web.live.follower, "_missed_some", lambda page: True)
    shop.delete("namespaces/shop/entries/k0")
    assert read(web, shop, "k1")[0].json()["value"] == 1
    eventually(lambda: web.live.follower.reloads > loaded)
    monkeypatch.undo()
    assert read(web, shop, "k0")[0].status == 404
    assert all(read(web, shop, f"k{place}")[1] for place in range(1, 5))


def test_a_caller_who_asks_too_often_is_told_when_to_come_back(shop, web, monkeypatch):
    shop.put("namespaces/shop/entries/a", {"value": 1})
    read(web, shop)
    monkeypatch.setattr("config_service.throttling.throttle._rate_per_s", 0.001)
    monkeypatch.setattr("config_service.throttling.throttle._burst", 3.0)
    statuses = [read(web, shop)[0] for _ in range(5)]
    assert [answer.status for answer in statuses] == [200, 200, 200, 429, 429]
    last = statuses[-1]
    assert last.header("content-type") == "application/problem+json"
    assert int(last.header("retry-after")) >= 1 and last.json()["retry_after_s"] > 0


def test_a_body_of_any_size_reaches_the_views_or_is_refused(shop, web):
    headers = shop.headers | {"Content-Type": "application/json"}
    value = "é" * 200_000
    put = web.ask("PUT", BASE + "a", headers, json.dumps({"value": value}).encode())
    assert put.status == 201 and read(web, shop)[0].json()["value"] == value
    too_large = web.ask("PUT", BASE + "a", headers, b" " * (5 << 20))
    assert (too_large.status, too_large.header("content-type")) == (413, "application/problem+json")
    beyond_all = web.ask("PUT", BASE + "a", headers, b" " * (65 << 20))
    assert (beyond_all.status, beyond_all.header("content-type")) == (413, "application/problem+json")


def test_more_requests_than_can_wait_are_refused(shop, web):
    web.app._django.waiting = web.app._django._most_waiting
    answer = web.ask("GET", "/healthz")
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    web.app._django.waiting = 0
    assert web.ask("GET", "/healthz").status == 200


def test_static_files_and_the_admin_come_through(web):
    style = web.ask("GET", "/static/config_service/shell.css")
    assert style.status == 200 and len(style.body) == int(style.header("content-length"))
    login = web.ask("GET", "/admin/login/")
    assert login.status == 200 and any(name == "set-cookie" for name, _ in login.headers)
