"""Marks of a namespace: what people see of it, and how its entries may change."""

import pytest

MARKS = {"colour": "red", "protected": True, "requires_approval": True, "require_if_match": True}


@pytest.fixture
def shop(shop, api_for):
    """With the right to say how entries may change."""
    return api_for("read:*", "write:*", "operate:*")


def test_marks(shop, api_for):
    made = shop.put("namespaces/live", MARKS | {"description": "d"}).json()
    assert {name: made[name] for name in MARKS} == MARKS
    kept = shop.put("namespaces/live", {"description": "e", "protected": False}).json()
    assert {name: kept[name] for name in MARKS} == MARKS | {"protected": False}
    assert shop.put("namespaces/live", {"colour": "beige"}).status_code == 400
    assert shop.put("namespaces/live", {"protected": "yes"}).status_code == 400
    writer = api_for("write:*")
    told = writer.put("namespaces/live", {"colour": "blue"})
    assert told.status_code == 200 and told.json()["description"] == "e", "what is not given stays"
    assert writer.put("namespaces/live", {"requires_approval": False}).json()["missing"].startswith("operate")
    assert shop.get("namespaces/").json()["items"][0]["colour"] == "blue"


def test_where_approval_is_needed_nothing_is_written_directly(shop):
    key = "namespaces/shop/entries/a"
    revision = shop.put(key, {"value": 1}).json()["revision"]
    shop.put("namespaces/shop", {"requires_approval": True})
    put = {"op": "put", "namespace": "shop", "key": "a", "value": 2}
    answers = [
        shop.put(key, {"value": 2}, If_Match=f'"{revision}"'),
        shop.delete(key),
        shop.post(f"{key}/rollback", {"revision": revision}),
        shop.post("namespaces/shop/rollback", {"revision": revision}),
        shop.post("transactions", {"then": [put]}),
    ]
    for answer in answers:
        assert answer.status_code == 409 and answer.json()["type"].endswith("approval-required")
    assert shop.get(key).json()["value"] == 1


def test_where_a_write_must_name_its_base(shop):
    key = "namespaces/shop/entries/a"
    shop.put("namespaces/shop", {"require_if_match": True})
    assert shop.put(key, {"value": 1}).status_code == 428
    revision = shop.put(key, {"value": 1}, If_None_Match="*").json()["revision"]
    assert shop.put(key, {"value": 2}).json()["type"].endswith("precondition-required")
    put = {"op": "put", "namespace": "shop", "key": "a", "value": 2}
    assert shop.post("transactions", {"then": [put]}).status_code == 428
    compare = {"namespace": "shop", "key": "a", "revision": revision}
    assert shop.post("transactions", {"compare": [compare], "then": [put]}).status_code == 200
    back, before = "namespaces/shop/rollback", {"revision": revision - 1}
    assert shop.delete(key).status_code == 428 and shop.post(back, before).status_code == 428
    stale, seen = f'"{revision}"', f'"{shop.get(key).json()["revision"]}"'
    refused = shop.post(back, before, If_Match=stale)
    assert refused.status_code == 412 and shop.get(key).json()["value"] == 2, refused.json()
    assert shop.post(back, before, If_Match="*").status_code == 400
    assert shop.post(back, before, If_Match=seen).json()["changed"] == 1 and shop.get(key).status_code == 404
    shop.put(key, {"value": 1}, If_None_Match="*")
    assert shop.delete(key, If_Match="*").status_code == 204
