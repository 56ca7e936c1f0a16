"""Users, groups, grants and tokens over REST."""

from uuid import uuid4

import pytest

from config_service.accounts import services
from config_service.accounts.models import ApiToken, Grant, User
from config_service.audit.models import AuditRecord

from .conftest import Api

PASSWORD = "a-plain-password"


def test_a_user_from_birth_to_death(api):
    made = api.put("users/ann", {"email": "ann@example.com", "password": PASSWORD})
    assert made.status_code == 201 and made.json()["is_active"] and "password" not in made.content.decode()
    assert User.objects.get(username="ann").check_password(PASSWORD)
    changed = api.put("users/ann", {"is_staff": True, "permissions": ["entries.view_configentry"]})
    assert (changed.status_code, changed.json()["email"]) == (200, "ann@example.com")
    assert changed.json()["permissions"] == ["entries.view_configentry"]
    assert User.objects.get(username="ann").check_password(PASSWORD)
    assert [user["username"] for user in api.get("users/").json()["items"]] == ["ann", "root"]
    assert api.delete("users/ann").status_code == 204 and api.get("users/ann").status_code == 404
    assert PASSWORD not in repr(list(AuditRecord.objects.values_list()))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("users/a b", {}), ("users/ann%00", {}), ("users/ann", {"email": "nobody"}), ("users/ann", {"password": ""}),
        ("users/ann", {"permissions": ["no.such"]}), ("users/ann", {"groups": [1]}), ("users/ann", {"id": "x"}),
        ("users/ann", {"groups": ["a\0"]}), ("users/" + "x" * 151, {}), ("users/ann", {"is_staff": "yes"}),
        ("groups/g", {"permissions": ["\0.x"]}), ("groups/g%00", {"permissions": []}),
    ],
)  # fmt: skip
def test_bad_accounts_are_refused_before_they_are_proposed(api, direct, path, body):
    before = len(direct.proposed)
    assert api.put(path, body).status_code == 400
    assert len(direct.proposed) == before


def test_a_user_of_a_group_that_is_not_there_is_refused(api):
    assert api.put("users/ann", {"groups": ["none"]}).status_code == 404
    assert not User.objects.filter(username="ann").exists()


def test_a_retry_is_the_same_request(api):
    body = {"password": PASSWORD}
    assert [api.put("users/ann", body, Idempotency_Key="k").status_code for _ in range(2)] == [201, 201]
    tokens = [
        api.post("tokens/", {"name": "t", "user": "ann", "scopes": ["read:*"]}, Idempotency_Key="t").json()["token"]
        for _ in range(2)
    ]
    assert tokens[0] == tokens[1] and ApiToken.objects.filter(name="t").count() == 1


def test_a_retry_gets_the_first_answer_although_things_have_moved_on(api):
    assert [api.put("users/bob", {}, Idempotency_Key="b").status_code for _ in range(2)] == [201, 201]
    assert api.put("users/bob", {"email": "b@example.com"}, Idempotency_Key="c").status_code == 200
    assert api.put("users/bob", {"is_staff": True}).status_code == 200
    assert api.put("users/bob", {"email": "b@example.com"}, Idempotency_Key="c").status_code == 200
    assert User.objects.get(username="bob").is_staff
    assert api.put("users/bob", {"email": "c@example.com"}, Idempotency_Key="c").status_code == 422
    made = api.post("tokens/", {"name": "t", "user": "bob", "scopes": ["read:*"]}).json()["id"]
    assert [api.delete(f"tokens/{made}", Idempotency_Key="d").status_code for _ in range(2)] == [204, 204]
    assert api.delete(f"tokens/{made}").status_code == 404


def test_the_last_superuser_stays(api, root):
    for attempt in (
        lambda: api.delete("users/root"),
        lambda: api.put("users/root", {"is_superuser": False}),
        lambda: api.put("users/root", {"is_active": False}),
    ):
        refused = attempt()
        assert refused.status_code == 409 and "the last superuser" in refused.json()["detail"]
    assert User.objects.get(pk=root.pk).is_superuser
    services.create_superuser("test", "other", PASSWORD)
    assert api.put("users/root", {"email": "root@example.com"}).status_code == 200
    assert api.delete("users/root").status_code == 204


def test_groups_and_grants(api):
    assert api.put("groups/readers", {"permissions": []}).status_code == 201
    assert [group["name"] for group in api.get("groups/").json()["items"]] == ["readers"]
    assert api.get("groups/readers").json() == {"name": "readers", "permissions": []}
    assert api.get("groups/none").status_code == 404
    api.put("users/ann", {"groups": ["readers"]})
    granted = api.post("grants/", {"verb": "view", "namespace": "shop", "group": "readers"})
    assert granted.status_code == 201
    assert User.objects.get(username="ann").has_perm("entries.view_configentry", "shop")
    assert api.get("grants/").json()["items"] == [
        {"id": granted.json()["id"], "verb": "view", "namespace": "shop", "user": None, "group": "readers"}
    ]
    assert api.post("grants/", {"verb": "view", "namespace": "shop"}).status_code == 400
    assert api.post("grants/", {"verb": "view", "namespace": "shop", "user": "none"}).status_code == 404
    assert api.delete(f"grants/{granted.json()['id']}").status_code == 204 and not Grant.objects.exists()
    assert api.delete("grants/99999999999999999999999").status_code == 404
    assert api.delete("groups/readers").status_code == 204 and api.delete("groups/readers").status_code == 404


def test_a_token_is_shown_once_and_revoked(api):
    made = api.post(
        "tokens/", {"name": "app", "user": "root", "scopes": ["audit"], "expires_at": "2999-01-01T00:00:00Z"}
    )
    plain, token_id = made.json()["token"], made.json()["id"]
    assert made.status_code == 201 and made.headers["Cache-Control"] == "no-store"
    assert Api(plain).get("audit").status_code == 200
    for path in ("tokens/", f"tokens/{token_id}"):
        assert plain not in api.get(path).content.decode()
    assert api.delete(f"tokens/{token_id}").status_code == 204
    assert Api(plain).get("audit").status_code == 401 and api.get(f"tokens/{uuid4()}").status_code == 404
    assert plain not in repr(list(AuditRecord.objects.values_list()))


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": ["all"]},
        {"scopes": [1]},
        {"expires_at": "tomorrow"},
        {"expires_at": "2999-01-01"},
        {"name": ""},
        {"expires_at": "2001-01-01T00:00:00Z"},
    ],
)
def test_a_bad_token_is_refused(api, body):
    before = ApiToken.objects.count()
    assert api.post("tokens/", {"name": "t", "user": "root", "scopes": ["audit"]} | body).status_code == 400
    assert ApiToken.objects.count() == before


def test_it_needs_an_operator_and_superusers_only_a_superuser_manages(api, api_for, root):
    assert api_for("read:*", "write:*").get("users/").json()["missing"] == "operate"
    api.put("users/ann", {})
    services.put_grant("test", "operate", "*", user=User.objects.get(username="ann").pk)
    api.put("users/ann", {"permissions": ["consensus.operate_group"]})
    made = api.post("tokens/", {"name": "a", "user": "ann", "scopes": ["operate"]})
    ann = Api(made.json()["token"])
    assert ann.put("users/eve", {}).status_code == 201
    for answer in (
        ann.put("users/eve", {"is_superuser": True}),
        ann.put("users/root", {"password": "mine"}),
        ann.delete("users/root"),
        ann.post("tokens/", {"name": "t", "user": "root", "scopes": ["operate"]}),
    ):
        assert (answer.status_code, answer.json()["missing"]) == (403, "superuser")
    assert not User.objects.get(username="eve").is_superuser
