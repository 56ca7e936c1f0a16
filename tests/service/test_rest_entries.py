"""Namespaces and entries over HTTP."""

import json

import pytest

from config_service.entries import validation
from config_service.entries.models import ConfigEntry
from consensus.models import AppliedState

A = "namespaces/shop/entries/a"


def test_a_namespace_lives_and_dies(api, direct):
    made = api.put("namespaces/shop", {"description": "d"})
    assert (made.status_code, made.json()["created_revision"]) == (201, direct.applied)
    assert made.headers["Config-Revision"] == str(direct.applied)
    changed = api.put("namespaces/shop", {"description": "e"})
    assert changed.status_code == 200 and changed.json()["created_revision"] == made.json()["created_revision"]
    assert api.put(A, {"value": 1}).status_code == 201
    assert api.get("namespaces/shop").json() == changed.json() | {"entries": 1}
    listed = api.get("namespaces/").json()
    assert listed == {"revision": direct.applied, "items": [changed.json() | {"entries": 1}]}
    refused = api.delete("namespaces/shop")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:config-service:problem:namespace-not-empty")
    assert api.delete(A).status_code == 204
    assert api.delete("namespaces/shop").status_code == 204
    assert api.get("namespaces/shop").status_code == 404
    assert api.delete("namespaces/shop").status_code == 404


def test_an_entry_lives_and_dies(shop, direct):
    made = shop.put(A, {"value": {"x": [1, 2.50, None]}, "comment": "why"})
    revision = direct.applied
    assert made.status_code == 201
    body = made.json()
    assert body == {
        "namespace": "shop", "key": "a", "value": {"x": [1, 2.5, None]}, "type": "json", "revision": revision,
        "created_revision": revision, "version": 1, "updated_at": body["updated_at"], "updated_by": "root",
        "comment": "why", "expires_at": None,
    }  # fmt: skip
    got = shop.get(A)
    assert got.content == made.content
    assert got.headers["ETag"] == made.headers["ETag"] == f'"{revision}"'
    assert got.headers["Config-Node"] == "n1"
    assert got.headers["Config-Consistency"] == "linearizable"
    assert got.headers["Content-Type"] == "application/json"
    changed = shop.put(A, {"value": True})
    assert (changed.status_code, changed.json()["version"], changed.json()["type"]) == (200, 2, "json")
    assert shop.delete(A).status_code == 204
    assert shop.get(A).status_code == 404
    again = shop.put(A, {"value": True}).json()
    assert (again["version"], again["type"], again["created_revision"]) == (1, "boolean", direct.applied)


@pytest.mark.parametrize(
    "text", ["null", "12345678901234567890123", "1.0", "-0.0", '"\\u0000 é😀"', '"<&>"', '{"b":1,"a":{"":[]}}', '""']
)
def test_values_come_back_as_they_were(shop, text):
    body = f'{{"value": {text}}}'
    assert shop.put(A, body).status_code == 201
    assert f'"value":{text},' in shop.get(A).content.decode()


def test_keys_with_slashes_and_dots(shop):
    for key in ("a/b/c", "a.b", "-", "a/...", "history", "history/b", "x" * 512):
        assert shop.put(f"namespaces/shop/entries/{key}", {"value": 1}).status_code == 201
        assert shop.get(f"namespaces/shop/entries/{key}").json()["key"] == key


def test_preconditions(shop):
    first = shop.put(A, {"value": 1}, If_None_Match="*")
    assert first.status_code == 201
    tag, revision = first.headers["ETag"], first.json()["revision"]
    taken = shop.put(A, {"value": 2}, If_None_Match="*")
    assert (taken.status_code, taken.json()["current_revision"]) == (412, revision)
    second = shop.put(A, {"value": 2}, If_Match=tag)
    assert second.status_code == 200
    stale = shop.put(A, {"value": 3}, If_Match=tag)
    assert (stale.status_code, stale.json()["current_revision"]) == (412, second.json()["revision"])
    assert shop.delete(A, If_Match=tag).status_code == 412
    assert shop.get(A).json()["value"] == 2
    assert shop.put(A, {"value": 3}, If_Match="*").status_code == 200
    assert shop.delete(A, If_Match=shop.get(A).headers["ETag"]).status_code == 204
    assert shop.put(A, {"value": 3}, If_Match="*").status_code == 412
    assert shop.put(A, {"value": 3}, If_Match=tag).json()["current_revision"] == 0
    assert shop.delete(A, If_Match="*").status_code == 412
    for header in ("1", '"x"', 'W/"1"', '"1", "2"', '"-1"', ""):
        assert shop.put(A, {"value": 3}, If_Match=header).status_code == 400, header
    assert shop.put(A, {"value": 3}, If_None_Match='"1"').status_code == 400
    assert shop.put(A, {"value": 3}, If_None_Match="*", If_Match="*").status_code == 400
    assert shop.delete(A, If_None_Match="*").status_code == 400


def test_a_reader_that_has_it_gets_304(shop):
    tag = shop.put(A, {"value": 1}).headers["ETag"]
    for header in (tag, f"W/{tag}", f'"9999", {tag}', "*"):
        got = shop.get(A, If_None_Match=header)
        assert (got.status_code, got.content, got.headers["ETag"]) == (304, b"", tag)
        assert got.headers["Config-Revision"]
    assert shop.get(A, If_None_Match='"1"').status_code == 200


def test_pages_in_the_order_of_keys(shop, direct):
    keys = sorted(["b", "B", "a/1", "a.1", "a-1", "a/10", "a/2", "_", "0", "ab"])
    for key in reversed(keys):
        shop.put(f"namespaces/shop/entries/{key}", {"value": key})
    everything = shop.get("namespaces/shop/entries/").json()
    assert [item["key"] for item in everything["items"]] == keys
    assert everything["next"] is None and everything["revision"] == direct.applied
    seen, cursor = [], ""
    while cursor is not None:
        page = shop.get(f"namespaces/shop/entries/?limit=3&cursor={cursor}").json()
        assert len(page["items"]) <= 3
        seen += [item["key"] for item in page["items"]]
        cursor = page["next"]
    assert seen == keys
    found = shop.get("namespaces/shop/entries/?prefix=a/1").json()
    assert [item["key"] for item in found["items"]] == ["a/1", "a/10"]
    assert shop.get("namespaces/shop/entries/?prefix=zzz").json()["items"] == []
    assert shop.get("namespaces/none/entries/").status_code == 404


def test_the_same_idempotency_key_gives_the_first_answer(shop, direct, api_for):
    first = shop.put(A, {"value": 1}, Idempotency_Key="k1")
    assert (first.status_code, shop.put(A, {"value": 2}).status_code) == (201, 200)
    again = shop.put(A, {"value": 1}, Idempotency_Key="k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Request-Id"] == first.headers["Request-Id"]
    assert shop.get(A).json()["value"] == 2
    other = shop.put(A, {"value": 3}, Idempotency_Key="k1")
    assert (other.status_code, other.json()["request_id"]) == (422, first.headers["Request-Id"])
    assert shop.delete(A, Idempotency_Key="k1").status_code == 422
    refused = shop.put(A, {"value": 1}, Idempotency_Key="k2", If_None_Match="*")
    assert refused.content == shop.put(A, {"value": 1}, Idempotency_Key="k2", If_None_Match="*").content
    assert [shop.delete(A, Idempotency_Key="k3").status_code for _ in range(2)] == [204, 204]
    for bad in ("", "a b", "x" * 256):
        assert shop.put(A, {"value": 1}, Idempotency_Key=bad).status_code == 400


def test_what_became_of_a_request(shop):
    made = shop.put(A, {"value": 1})
    request_id = made.headers["Request-Id"]
    assert shop.get(f"requests/{request_id}").json() == {
        "request_id": request_id, "status": "applied", "revision": made.json()["revision"]
    }  # fmt: skip
    assert shop.get("requests/nobody").json() == {"request_id": "nobody", "status": "unknown"}


def test_stale_reads_ask_nobody(shop, direct, group):
    shop.put(A, {"value": 1})
    reads = direct.reads
    got = shop.get(A + "?consistency=stale")
    assert direct.reads == reads
    assert got.headers["Config-Consistency"] == "stale"
    assert got.headers["Config-Age-Ms"] == "40"
    assert got.headers["Config-Revision"] == str(direct.applied)
    shop.get(A)
    assert direct.reads == reads + 1


def test_min_revision_is_waited_for(shop, direct):
    shop.put(A, {"value": 1})
    assert shop.get(f"{A}?consistency=stale&min_revision={direct.applied}").status_code == 200
    waited = []

    def wait_applied(index, deadline_s=None):
        waited.append(index)
        AppliedState.objects.update(index=index)

    direct.wait_applied = wait_applied
    got = shop.get(f"{A}?consistency=stale&min_revision={direct.applied + 5}")
    assert (got.status_code, waited) == (200, [direct.applied + 5])


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ("", 400, "value"), ("{", 400, ""), ("[]", 400, ""), ("7", 400, ""), ("{}", 400, "value"),
        ('{"value": NaN}', 400, ""), ('{"value": 1, "value": 2}', 400, ""), ('{"value": 1e999}', 400, ""),
        ('{"value": "\\ud800"}', 400, ""), ('{"value": ' + "[" * 70 + "]" * 70 + "}", 400, ""),
        (b'{"value": "\xff"}', 400, ""),
        ('{"value": 1, "ttl": 3}', 400, "ttl"), ('{"value": 1, "comment": 3}', 400, "comment"),
        ('{"value": 1, "comment": "\\u0000"}', 400, "comment"), ('{"value": 1, "type": "number"}', 400, "type"),
        ('{"value": 1, "type": null}', 400, "type"), ('{"value": 1, "type": "string"}', 422, "value"),
        ('{"value": true, "type": "integer"}', 422, "value"), ('{"value": 1.5, "type": "integer"}', 422, "value"),
        ('{"value": "' + "x" * validation.MAX_VALUE_BYTES + '"}', 413, "value"),
        ('{"value": "' + "x" * 5_000_000 + '"}', 413, ""),
    ],
)  # fmt: skip
def test_bad_bodies(shop, direct, body, status, field):
    before = len(direct.proposed)
    answer = shop.put(A, body)
    assert answer.status_code == status
    problem = answer.json()
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == status and problem["title"] and problem["detail"]
    assert problem["type"].startswith("urn:config-service:problem:")
    assert field in problem.get("errors", {"": []})
    assert len(direct.proposed) == before and not ConfigEntry.objects.exists()


@pytest.mark.parametrize(
    "path",
    [
        "namespaces/shop/entries/a//b", "namespaces/shop/entries/a/", "namespaces/shop/entries/%2e%2e/b",
        "namespaces/shop/entries/a%20b", "namespaces/shop/entries/" + "x" * 513, "namespaces/-/entries/a",
        "namespaces/a.b", "namespaces/shop/entries/%ff", "namespaces/shop/entries/a%00",
    ],
)  # fmt: skip
def test_bad_paths(shop, path):
    assert shop.get(path).status_code == 400
    assert shop.put(path, {} if path == "namespaces/a.b" else {"value": 1}).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=1001", "limit=x", "limit=-1", "limit=1&limit=2", "cursor=%25", "cursor=YS8v", "prefix=%20",
        "consistency=eventual", "min_revision=x", "revision=x", "revision=-1", "at=now", "nonsense=1",
    ],
)  # fmt: skip
def test_bad_queries(shop, query):
    answer = shop.get("namespaces/shop/entries/?" + query)
    assert answer.status_code == 400
    assert query.split("=")[0] in answer.json()["errors"]
    json.loads(answer.content)
