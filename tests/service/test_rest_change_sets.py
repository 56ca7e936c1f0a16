"""Change sets over HTTP: who may what, what is answered, and what a bad request is told."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from config_service.accounts import services as accounts
from config_service.accounts.models import User
from config_service.changesets.models import ChangeSet
from config_service.entries.models import ConfigEntry
from config_service.sealing.keys import new_key
from tests.service.conftest import Api

ALL = ("read:*", "write:*", "publish:*", "operate:*")
LATER = (datetime.now(UTC) + timedelta(hours=1)).isoformat()


def put(key, value, namespace="shop", **more):
    return {"op": "put", "namespace": namespace, "key": key, "value": value, **more}


def delete(key, namespace="shop", **more):
    return {"op": "delete", "namespace": namespace, "key": key, **more}


@pytest.fixture
def person(root):
    """An `Api` for a new user with these grants, (verb, namespace)."""

    def make(name: str, *grants: tuple[str, str], scopes: tuple[str, ...] = ALL) -> Api:
        accounts.change_user("root", None, name, {}, "correct horse", uuid4().hex)
        user = User.objects.get(username=name)
        for verb, namespace in grants:
            accounts.put_grant("root", verb, namespace, user=user.pk)
        return Api(accounts.create_token("root", name, user.pk, list(scopes)).plain)

    return make


@pytest.fixture
def ann(person, shop):
    return person("ann", ("view", "shop"), ("change", "shop"))


@pytest.fixture
def bob(person, shop):
    return person("bob", ("view", "shop"), ("publish", "shop"))


@pytest.fixture
def draft(ann, shop):
    assert shop.put("namespaces/shop/entries/a", {"value": 1}).status_code == 201
    answer = ann.post("changesets/", {"title": "prices", "comment": "May", "edits": [put("a", 2), put("b", "x")]})
    assert answer.status_code == 201
    return answer.json()


def path(draft, step=""):
    return f"changesets/{draft['id']}{step}"


def test_a_change_set_as_it_is_told(draft, ann, direct):
    base = ConfigEntry.objects.get(key="a").revision
    answer = ann.get(path(draft))
    assert answer.json() == draft and answer["ETag"] == f'"{draft["revision"]}"'
    edits = [
        {**put("a", 2), "base_revision": base, "type": "integer", "comment": "", "ttl_s": None, "expires_at": None},
        {**put("b", "x"), "base_revision": 0, "type": "string", "comment": "", "ttl_s": None, "expires_at": None},
    ]
    now = draft["created_at"]
    assert draft == {
        "id": direct.applied, "title": "prices", "comment": "May", "state": "draft", "author": "ann",
        "writers": ["ann"], "namespaces": ["shop"], "edit_count": 2, "digest": draft["digest"],
        "revision": direct.applied, "created_at": now, "updated_at": now, "updated_by": "ann", "approval": None,
        "publish_at": None, "scheduled_by": None, "reason": "", "published_revision": None, "edits": edits,
    }  # fmt: skip
    assert ann.get(path(draft), If_None_Match=answer["ETag"]).status_code == 304
    listed = ann.get("changesets/").json()
    assert listed["items"] == [{name: value for name, value in draft.items() if name != "edits"}]
    assert ann.get("changesets/?state=published").json()["items"] == []
    assert ann.get("changesets/?namespace=shop&state=draft").json()["items"] == listed["items"]


def test_approved_by_a_second_person_and_published(shop, draft, ann, bob, api_for):
    assert api_for(*ALL).put("namespaces/shop", {"requires_approval": True}).status_code == 200
    refused = bob.post(path(draft, "/publish"), {"digest": draft["digest"]})
    assert (refused.status_code, refused.json()["type"].rsplit(":")[-1]) == (409, "approval-required")
    approved = bob.post(path(draft, "/approve"), {"digest": draft["digest"]}).json()
    assert approved["state"] == "approved"
    assert approved["approval"] == {"by": "bob", "at": approved["updated_at"], "digest": draft["digest"]}
    done = bob.post(path(draft, "/publish"), {"digest": draft["digest"]}, If_Match=f'"{approved["revision"]}"')
    assert done.status_code == 200 and done.json()["state"] == "published"
    entry = shop.get("namespaces/shop/entries/a").json()
    assert (entry["value"], entry["revision"]) == (2, done.json()["published_revision"])


def test_nobody_goes_round_the_second_person_not_even_root(shop, api_for):
    root = api_for(*ALL)
    root.put("namespaces/shop", {"requires_approval": True})
    made = root.post("changesets/", {"title": "t", "edits": [put("a", 2)]}).json()
    answer = root.post(path(made, "/approve"), {"digest": made["digest"]})
    assert (answer.status_code, answer.json()["type"].rsplit(":")[-1]) == (403, "second-person-required")
    assert root.put("namespaces/shop/entries/a", {"value": 2}).status_code == 409
    transaction = {"then": [{"op": "put", "namespace": "shop", "key": "a", "value": 2}]}
    assert root.post("transactions", transaction).status_code == 409
    assert not ConfigEntry.objects.exists()


def test_what_is_missing_is_named(draft, ann, bob, person, shop):
    shop.put("namespaces/other", {})
    stranger = person("eve", ("view", "other"), ("change", "other"), ("publish", "other"))
    digest = {"digest": draft["digest"]}
    for answer in (
        stranger.get(path(draft)), stranger.get(path(draft, "/diff")),
        stranger.put(path(draft), {"title": "t", "edits": []}), stranger.delete(path(draft)),
        stranger.post(path(draft, "/publish"), digest),
    ):  # fmt: skip
        assert (answer.status_code, answer.json()["missing"]) == (403, "entries.view_configentry")
    assert stranger.get("changesets/").json()["items"] == []
    for step, body in (("approve", digest), ("publish", digest), ("schedule", digest | {"publish_at": LATER}),
                       ("unschedule", {})):  # fmt: skip
        answer = ann.post(path(draft, f"/{step}"), body)
        assert (answer.status_code, answer.json()["missing"]) == (403, "accounts.publish_namespace")
    for answer in (bob.delete(path(draft)), bob.post("changesets/", {"title": "t", "edits": [put("a", 1)]})):
        assert answer.status_code == 403 and answer.json()["missing"].startswith("entries.")
    both = ann.post("changesets/", {"title": "t", "edits": [put("a", 1), put("a", 1, "other")]})
    assert (both.status_code, both.json()["missing"]) == (403, "entries.add_configentry")
    narrow = person("nat", ("view", "shop"), ("publish", "shop"), scopes=("read:shop", "publish:other"))
    answer = narrow.post(path(draft, "/approve"), digest)
    assert (answer.status_code, answer.json()["missing"]) == (403, "publish:shop")


def test_replacing_it_keeps_secrets_and_takes_the_approval_away(ann, bob, api_for, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    made = ann.post("changesets/", {"title": "t", "edits": [put("pin", "hunter2", type="secret")]}).json()
    assert made["edits"][0]["value"] is None and made["edits"][0]["masked"] is True
    approved = bob.post(path(made, "/approve"), {"digest": made["digest"]}).json()
    body = {"title": "u", "edits": [{"op": "keep", "namespace": "shop", "key": "pin"}, put("b", 1)]}
    stale = ann.put(path(made), body, If_Match=f'"{made["revision"]}"')
    assert (stale.status_code, stale.json()["current_revision"]) == (412, approved["revision"])
    edited = ann.put(path(made), body, If_Match=f'"{approved["revision"]}"').json()
    assert (edited["state"], edited["approval"], edited["title"]) == ("draft", None, "u")
    assert edited["edits"][0] == made["edits"][0]
    bob.post(path(made, "/publish"), {"digest": edited["digest"]})
    revealed = api_for("reveal:shop").post("namespaces/shop/entries/pin/reveal", {})
    assert revealed.json()["value"] == "hunter2" and "hunter2" not in ChangeSet.objects.get().edits


def test_the_difference(draft, ann, shop):
    clean = ann.get(path(draft, "/diff")).json()
    assert clean["publishable"] is True and clean["awaiting_approval"] == []
    assert [item["now"] and item["now"]["value"] for item in clean["items"]] == [1, None]
    changed = shop.put("namespaces/shop/entries/a", {"value": 5}).json()
    shop.put("namespaces/shop/schema", {"rules": [{"keys": "b", "schema": {"type": "integer"}}]})
    item, other = ann.get(path(draft, "/diff")).json()["items"]
    assert (item["conflicts"], item["now"], item["base"]["value"]) == (True, changed, 1)
    assert str(changed["revision"]) in item["problem"]
    assert (other["conflicts"], len(other["violations"])) == (False, 1)


def test_a_conflict_is_told_edit_by_edit(draft, bob, shop):
    shop.put("namespaces/shop/entries/a", {"value": 5})
    shop.put("namespaces/shop/entries/b", {"value": 5})
    answer = bob.post(path(draft, "/publish"), {"digest": draft["digest"]})
    assert (answer.status_code, answer.json()["type"].rsplit(":")[-1]) == (409, "change-set-conflict")
    assert [text.split(":")[0] for text in answer.json()["errors"]["edits"]] == ["shop/a", "shop/b"]


def test_scheduled_and_unscheduled(draft, bob):
    scheduled = bob.post(path(draft, "/schedule"), {"digest": draft["digest"], "publish_at": LATER}).json()
    assert (scheduled["state"], scheduled["scheduled_by"]) == ("scheduled", "bob")
    assert datetime.fromisoformat(scheduled["publish_at"]) == datetime.fromisoformat(LATER)
    assert bob.post(path(draft, "/unschedule"), {}).json()["state"] == "draft"
    assert bob.post(path(draft, "/unschedule"), {}).status_code == 409


def test_withdrawn_it_stays_on_the_record(draft, ann, bob):
    assert ann.delete(path(draft)).json()["state"] == "withdrawn"
    assert ann.get(path(draft)).json()["state"] == "withdrawn"
    answer = bob.post(path(draft, "/publish"), {"digest": draft["digest"]})
    assert (answer.status_code, answer.json()["type"].rsplit(":")[-1]) == (409, "wrong-state")


def test_a_retry_with_the_same_key_is_answered_as_the_first(draft, ann, bob):
    body = {"title": "again", "edits": [put("c", 1)]}
    first = ann.post("changesets/", body, Idempotency_Key="k1").json()
    assert ann.post("changesets/", body, Idempotency_Key="k1").json() == first
    assert ann.post("changesets/", body | {"title": "other"}, Idempotency_Key="k1").status_code == 422
    match = {"If_Match": f'"{draft["revision"]}"', "Idempotency_Key": "k2"}
    done = bob.post(path(draft, "/publish"), {"digest": draft["digest"]}, **match)
    assert bob.post(path(draft, "/publish"), {"digest": draft["digest"]}, **match).json() == done.json()
    assert ChangeSet.objects.count() == 2


def test_a_list_goes_on_where_it_ended(ann, shop):
    ids = [ann.post("changesets/", {"title": "t", "edits": [put("a", n)]}).json()["id"] for n in range(3)]
    first = ann.get("changesets/?limit=2").json()
    second = ann.get(f"changesets/?limit=2&cursor={first['next']}").json()
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1] and second["next"] is None


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"edits": []}, 400, "title"),
        ({"title": "t"}, 400, "edits"),
        ({"title": 7, "edits": []}, 400, "title"),
        ({"title": "t", "edits": []}, 422, "edits"),
        ({"title": "", "edits": [put("a", 1)]}, 400, "title"),
        ({"title": "t", "edits": [7]}, 400, "edits[0]"),
        ({"title": "t", "edits": [{}]}, 400, "edits[0].op"),
        ({"title": "t", "edits": [{"op": ["put"]}]}, 400, "edits[0].op"),
        ({"title": "t", "edits": [{"op": "put", "namespace": "shop", "key": "a"}]}, 400, "edits[0].value"),
        ({"title": "t", "edits": [put("a", 1, base_revision=True)]}, 400, "edits[0].base_revision"),
        ({"title": "t", "edits": [put("a", 1, base_revision=-1)]}, 400, "edits[0].base_revision"),
        ({"title": "t", "edits": [put("a", 1, base_revision=2**60)]}, 400, "edits[0].base_revision"),
        ({"title": "t", "edits": [put("a", 1, expires_at="soon")]}, 400, "edits[0].expires_at"),
        ({"title": "t", "edits": [put("a", 1, expires_at="2026-05-04T12:00:00")]}, 400, "edits[0].expires_at"),
        ({"title": "t", "edits": [put("a", 1, type="odd")]}, 400, "edits[0].type"),
        ({"title": "t", "edits": [put("a", "x", type="integer")]}, 422, "edits[0].value"),
        ({"title": "t", "edits": [put("a//b", 1)]}, 400, "edits[0].key"),
        ({"title": "t", "edits": [put("a", 1, "no such")]}, 400, "edits[0].namespace"),
        ({"title": "t", "edits": [put("a", 1), delete("a")]}, 422, "edits[1]"),
        ({"title": "t", "edits": [delete("none")]}, 422, "edits[0]"),
        ({"title": "t", "edits": [{"op": "keep", "namespace": "shop", "key": "a"}]}, 400, "edits[0]"),
        ({"title": "t", "edits": [put("a", 1)] * 513}, 422, "edits"),
        ({"title": "t", "edits": [put("a", 1)], "state": "approved"}, 400, "state"),
    ],
)
def test_bad_change_sets_are_refused_by_field(shop, body, status, field):
    answer = shop.post("changesets/", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (status, [field])
    assert not ChangeSet.objects.exists()


def test_bad_steps(draft, bob, ann):
    digest = draft["digest"]
    assert bob.post(path(draft, "/approve"), {}).status_code == 400
    assert bob.post(path(draft, "/approve"), {"digest": "0" * 32}).status_code == 412
    assert bob.post(path(draft, "/approve"), {"digest": "\0"}).status_code == 412
    assert bob.post(path(draft, "/approve"), {"digest": digest}, If_None_Match="*").status_code == 400
    assert bob.post(path(draft, "/approve"), {"digest": digest}, If_Match='"1"').status_code == 412
    for at in ("soon", "2026-05-04", "2020-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00"):
        assert bob.post(path(draft, "/schedule"), {"digest": digest, "publish_at": at}).status_code == 400
    for target in ("changesets/1", f"changesets/{10**30}", "changesets/0"):
        assert ann.get(target).status_code == 404
    assert ann.get("changesets/x").status_code == 404
    assert ann.get("changesets/?state=odd").status_code == 400
    assert ann.get(path(draft)).json() == draft


def test_the_trail_names_the_change_set(draft, api_for):
    records = api_for("audit").get("audit?action=changesets.create").json()["items"]
    assert json.dumps(records[0]["targets"]).count(str(draft["id"])) == 1
