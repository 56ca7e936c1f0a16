"""Transactions over HTTP, and entries that expire."""

from datetime import UTC, datetime, timedelta

import pytest

from config_service.entries import expiring, tasks
from config_service.entries.models import ConfigEntry, EntryRevision
from tests.service.conftest import group_view

A = "namespaces/shop/entries/a"


def put(key, value, namespace="shop", **more):
    return {"op": "put", "namespace": namespace, "key": key, "value": value, **more}


def delete(key, namespace="shop"):
    return {"op": "delete", "namespace": namespace, "key": key}


def check(key, **test):
    return {"namespace": "shop", "key": key, **test}


def transact(api, compare=(), then=(), otherwise=(), **headers):
    body = {"compare": list(compare), "then": list(then), "else": list(otherwise)}
    return api.post("transactions", body, **headers)


def test_all_operations_of_a_branch_happen_at_one_revision(shop, direct):
    shop.put("namespaces/other", {})
    shop.put(A, {"value": 1})
    answer = transact(
        shop, [check("a", exists=True)], [put("a", 2), put("b", "x", "other"), delete("c")], [put("d", 1)]
    )
    revision = direct.applied
    assert answer.status_code == 200
    assert answer.json() == {
        "succeeded": True, "revision": revision,
        "results": [
            {"op": "put", "namespace": "shop", "key": "a", "created": False, "revision": revision,
             "created_revision": revision - 1, "version": 2, "type": "integer", "expires_at": None},
            {"op": "put", "namespace": "other", "key": "b", "created": True, "revision": revision,
             "created_revision": revision, "version": 1, "type": "string", "expires_at": None},
            {"op": "delete", "namespace": "shop", "key": "c", "deleted": False},
        ],
    }  # fmt: skip
    assert set(ConfigEntry.objects.values_list("key", "revision")) == {("a", revision), ("b", revision)}
    assert len(set(EntryRevision.objects.filter(revision=revision).values_list("id", flat=True))) == 2


def test_the_other_branch_happens_where_a_comparison_fails(shop):
    answer = transact(shop, [check("a", exists=True)], [put("a", 2)], [put("a", 1), delete("a2")]).json()
    assert (answer["succeeded"], shop.get(A).json()["value"]) == (False, 1)
    assert transact(shop, [check("a", exists=False)], [put("a", 3)]).json()["results"] == []
    assert shop.get(A).json()["value"] == 1


def test_every_comparison(shop):
    first = shop.put(A, {"value": {"x": [1, True], "y": None}}).json()["revision"]
    holds = [
        {"exists": True}, {"revision": first}, {"version": 1}, {"value": {"y": None, "x": [1.0, True]}},
    ]  # fmt: skip
    fails = [
        {"exists": False}, {"revision": first + 1}, {"revision": 0}, {"version": 2},
        {"value": {"x": [1, 1], "y": None}},
        {"value": {"x": [True, 1], "y": None}}, {"value": None},
    ]  # fmt: skip
    for expected, tests in ((True, holds), (False, fails)):
        for test in tests:
            assert transact(shop, [check("a", **test)]).json()["succeeded"] is expected, test
    for test in ({"exists": False}, {"revision": 0}, {"version": 0}):
        assert transact(shop, [check("none", **test)]).json()["succeeded"] is True
    assert transact(shop, [check("none", value=None)]).json()["succeeded"] is False
    assert transact(shop, [check("a", **holds[0]), check("a", **fails[0])]).json()["succeeded"] is False


def test_one_operation_that_is_refused_refuses_all(shop, direct):
    answer = transact(shop, then=[put("a", 1), put("b", 1, "none")])
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:config-service:problem:namespace-not-found")
    assert answer.json()["detail"].startswith("then[1]")
    assert not ConfigEntry.objects.exists() and not EntryRevision.objects.exists()


def test_a_retry_gets_the_first_answer(shop):
    first = transact(shop, then=[put("a", 1)], Idempotency_Key="k")
    shop.put(A, {"value": 2})
    assert transact(shop, then=[put("a", 1)], Idempotency_Key="k").content == first.content
    assert transact(shop, then=[put("a", 3)], Idempotency_Key="k").status_code == 422
    assert shop.get(A).json()["value"] == 2


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 422, ""), ({"then": {}}, 400, "then"), ({"then": [1]}, 400, "then[0]"), ({"more": []}, 400, "more"),
        ({"then": [{"op": "get", "namespace": "shop", "key": "a"}]}, 400, "then[0].op"),
        ({"then": [put("a", 1), put("a", 2)]}, 422, "then[1]"), ({"else": [put("a", 1), delete("a")]}, 422, "else[1]"),
        ({"then": [put("a b", 1)]}, 400, "then[0].key"), ({"then": [put("a", 1, "b c")]}, 400, "then[0].namespace"),
        ({"then": [put("a", 1, more=1)]}, 400, "then[0].more"), ({"then": [delete("a") | {"value": 1}]}, 400, ""),
        ({"then": [put("a", "x", type="integer")]}, 422, "then[0].value"), ({"then": [put("a", 1, type="")]}, 400, ""),
        ({"then": [put("a", 1, ttl_s=0)]}, 400, "then[0].ttl_s"), ({"then": [put("a", 1, comment="\0")]}, 400, ""),
        ({"compare": [check("a")]}, 400, "compare[0]"), ({"compare": [check("a", exists=True, version=1)]}, 400, ""),
        ({"compare": [check("a", exists=1)]}, 400, "compare[0].exists"),
        ({"compare": [check("a", revision=-1)]}, 400, "compare[0].revision"),
        ({"compare": [check("a", version=True)]}, 400, "compare[0].version"),
        ({"then": [put(f"k{n}", 1) for n in range(513)]}, 422, ""),
        ({"then": [put(f"k{n}", 1) for n in range(300)], "else": [put(f"k{n}", 1) for n in range(300)]}, 422, ""),
        ({"then": [put(f"k{n}", "x" * 400_000) for n in range(2)]}, 413, ""),
        ('{"then": [{"op": "put", "namespace": "shop", "key": "a", "value": NaN}]}', 400, ""),
    ],
)  # fmt: skip
def test_bad_transactions_change_nothing(shop, direct, body, status, field):
    before = direct.applied
    answer = shop.post("transactions", body)
    assert answer.status_code == status, answer.content
    assert field in answer.json().get("errors", {}) or not field
    assert direct.applied == before


def test_a_full_transaction(shop, direct):
    answer = transact(shop, [check("a", exists=False)] * 512, [put(f"k{n}", n) for n in range(512)])
    assert len(answer.json()["results"]) == 512 and ConfigEntry.objects.count() == 512


def test_scopes_hold_for_every_operation(shop, api_for):
    writer = api_for("write:shop")
    assert transact(writer, then=[put("a", 1)]).status_code == 200
    assert transact(writer, then=[put("a", 2), put("a", 1, "other")]).status_code == 403
    assert transact(writer, [check("a", exists=True)], [put("a", 2)]).status_code == 403
    assert shop.get(A).json()["value"] == 1


def test_an_entry_with_a_ttl_says_when_it_goes(shop):
    made = shop.put(A, {"value": 1, "ttl_s": 60}).json()
    written, expires = (datetime.fromisoformat(made[name]) for name in ("updated_at", "expires_at"))
    assert expires - written == timedelta(seconds=60)
    assert shop.get(A).json() == made
    assert shop.put(A, {"value": 1}).json()["expires_at"] is None, "a write without one makes it stay"
    for bad in (0, -1, True, 1.5, "1", 10**12):
        assert shop.put(A, {"value": 1, "ttl_s": bad}).status_code == 400


def test_the_leader_deletes_what_has_expired_and_leaves_what_was_written_since(shop, direct, group, monkeypatch):
    now = datetime.now(UTC)
    transact(shop, then=[put("a", 1, ttl_s=10), put("b", 1, ttl_s=10), put("c", 1, ttl_s=100), put("d", 1)])
    assert expiring.expire_due("system", now) == 0
    propose = expiring.propose

    def write_first(command, actor):
        shop.put("namespaces/shop/entries/b", {"value": 2})
        return propose(command, actor)

    monkeypatch.setattr(expiring, "propose", write_first)
    assert expiring.expire_due("system", now + timedelta(seconds=11)) == 1
    items = shop.get("namespaces/shop/entries/").json()["items"]
    assert [(item["key"], item["value"]) for item in items] == [("b", 2), ("c", 1), ("d", 1)]
    gone = shop.get(A + "/history").json()["items"][0]
    assert (gone["operation"], gone["actor"], gone["comment"]) == ("delete", "system", "expired")


def test_only_the_leader_expires(shop, direct, group, monkeypatch):
    shop.put(A, {"value": 1, "ttl_s": 1})
    later = datetime.now(UTC) + timedelta(seconds=5)
    monkeypatch.setattr(tasks, "now", lambda: later)
    tasks.expire()
    assert shop.get(A).status_code == 200
    group.view = group_view(leader="n1")
    tasks.expire()
    assert shop.get(A).status_code == 404
