"""Who may do what: permissions, grants, scopes."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group

from config_service.accounts import policy, services
from config_service.accounts.commands import DeleteGroup, PutGrant, PutUser
from config_service.accounts.models import ApiToken, Grant, User
from config_service.api import second_look
from config_service.errors import Invalid, NotFound
from config_service.proposing import propose
from consensus.errors import NoLeader

from .conftest import Api


@pytest.fixture
def make_user(direct):
    def make(name: str, **more) -> User:
        user_id = uuid4()
        services.put_user("test", PutUser(user_id, name, "hash", **more))
        return User.objects.get(pk=user_id)

    return make


@pytest.fixture
def ann(make_user, shop):
    shop.put("namespaces/bank", {})
    for namespace in ("shop", "bank"):
        shop.put(f"namespaces/{namespace}/entries/a", {"value": 1})
    return make_user("ann")


def grant(verb, namespace, user=None, group=""):
    return services.put_grant("test", verb, namespace, user=user.pk if user else None, group=group)


def api_of(user, *scopes, **more) -> Api:
    return Api(services.create_token("test", "t", user.pk, list(scopes), **more).plain)


def fresh(user) -> User:
    return User.objects.get(pk=user.pk)


def test_a_grant_holds_in_its_namespace_only(ann):
    grant("view", "shop", ann)
    user = fresh(ann)
    assert user.has_perm("entries.view_configentry", "shop") and user.has_perm("entries.view_namespace", "shop")
    assert not user.has_perm("entries.view_configentry", "bank")
    assert not user.has_perm("entries.change_configentry", "shop")
    assert not user.has_perm("entries.view_configentry")
    assert policy.namespaces(user, "entries.view_configentry") == {"shop"}


def test_a_grant_on_every_namespace(ann):
    grant("change", "*", ann)
    assert fresh(ann).has_perm("entries.delete_configentry", "bank")
    assert policy.namespaces(fresh(ann), "entries.change_configentry") is None


def test_a_grant_to_a_group_holds_for_its_members_while_they_are(ann):
    services.put_group("test", "readers", ())
    grant("view", "shop", group="readers")
    assert not fresh(ann).has_perm("entries.view_configentry", "shop")
    services.put_user("test", PutUser(ann.pk, "ann", "", groups=("readers",)))
    assert fresh(ann).has_perm("entries.view_configentry", "shop")
    services.put_user("test", PutUser(ann.pk, "ann", "", groups=("readers",), is_active=False))
    assert not fresh(ann).has_perm("entries.view_configentry", "shop")


def test_django_s_permission_holds_in_every_namespace(make_user, ann):
    eve = make_user("eve", permissions=("entries.view_configentry",))
    assert eve.has_perm("entries.view_configentry", "bank") and eve.has_perm("entries.view_configentry")


def test_granting_twice_is_granting_once_and_revoking_ends_it(ann):
    first = grant("view", "shop", ann)
    assert grant("view", "shop", ann) == first
    services.delete_grant("test", first)
    assert not Grant.objects.exists() and not fresh(ann).has_perm("entries.view_configentry", "shop")
    with pytest.raises(NotFound):
        services.delete_grant("test", first)


def test_a_grant_goes_with_its_user_or_group(ann):
    services.put_group("test", "readers", ())
    grant("view", "shop", group="readers")
    grant("view", "shop", ann)
    propose(DeleteGroup("readers"), "test")
    services.delete_user("test", ann.pk)
    assert not Grant.objects.exists() and not Group.objects.exists()


@pytest.mark.parametrize(
    ("verb", "namespace", "group"),
    [("own", "shop", "readers"), ("view", "no spaces", "readers"), ("view", "shop", ""), ("view", "", "readers")],
)
def test_an_impossible_grant_is_refused(direct, verb, namespace, group):
    with pytest.raises(Invalid):
        services.put_grant("test", verb, namespace, group=group)


def test_a_grant_to_nobody_that_exists_is_refused(direct):
    with pytest.raises(NotFound):
        services.put_grant("test", "view", "shop", group="none")
    with pytest.raises(NotFound):
        services.put_grant("test", "view", "shop", user=uuid4())
    assert not Grant.objects.exists()


def test_a_token_may_what_its_scopes_and_its_user_may(ann):
    grant("view", "shop", ann)
    grant("change", "shop", ann)
    api = api_of(ann, "read:*", "write:bank")
    assert api.get("namespaces/shop/entries/a").status_code == 200
    foreign = api.get("namespaces/bank/entries/a")
    assert (foreign.status_code, foreign.json()["missing"]) == (403, "entries.view_configentry")
    assert "in namespace bank" in foreign.json()["detail"]
    narrow = api.put("namespaces/shop/entries/a", {"value": 2})
    assert (narrow.status_code, narrow.json()["missing"]) == (403, "write:shop")
    poor = api.put("namespaces/bank/entries/a", {"value": 2})
    assert (poor.status_code, poor.json()["missing"]) == (403, "entries.add_configentry")
    assert [item["name"] for item in api.get("namespaces/").json()["items"]] == ["shop"]


def test_a_grant_that_is_taken_back_is_refused_at_once(ann):
    granted = grant("view", "shop", ann)
    api = api_of(ann, "read:shop")
    assert api.get("namespaces/shop/entries/a").status_code == 200
    services.delete_grant("test", granted)
    assert api.get("namespaces/shop/entries/a").status_code == 403


def test_a_token_in_use_is_refused_once_revoked_expired_or_its_user_may_not_sign_in(ann):
    grant("view", "shop", ann)
    api = api_of(ann, "read:shop")
    path = "namespaces/shop/entries/a"
    assert api.get(path).status_code == 200
    token = ApiToken.objects.get(user=ann)
    services.change_token("test", token.pk, "t", ann.pk, ["read:shop"], datetime.now(UTC) - timedelta(seconds=1))
    expired = api.get(path)
    assert (expired.status_code, expired.headers["WWW-Authenticate"]) == (401, 'Bearer realm="configuration service"')
    services.change_token("test", token.pk, "t", ann.pk, ["read:shop"], datetime.now(UTC) + timedelta(days=1))
    assert api.get(path).status_code == 200
    services.put_user("test", PutUser(ann.pk, "ann", "", is_active=False))
    assert api.get(path).status_code == 401
    services.put_user("test", PutUser(ann.pk, "ann", ""))
    assert api.get(path).status_code == 200
    services.delete_token("test", token.pk)
    assert api.get(path).status_code == 401
    assert Api("cfg_" + "x" * 43).get(path).status_code == 401


@pytest.mark.parametrize(
    "scope", ["admin", "read", "read:", "reveal", "publish", "read:a b", "audit:*", "write:*:*", ""]
)
def test_an_unknown_scope_is_refused(ann, scope):
    with pytest.raises(Invalid):
        services.create_token("test", "t", ann.pk, [scope])


def test_only_superusers_manage_superusers(make_user, root):
    ann = make_user("ann")
    assert policy.may_manage(ann, make_user("eve")) and not policy.may_manage(ann, root)
    assert not policy.may_manage(ann, None, makes_superuser=True)
    assert policy.may_manage(root, root, makes_superuser=True)


def test_the_grant_that_was_made_stands_in_the_audit_trail(ann):
    propose(PutGrant("reveal", "shop", ann.pk), "boss")
    from_trail = Api.get(api_of(User.objects.get(username="root"), "audit"), "audit?actor=boss").json()["items"]
    assert from_trail[0]["targets"][0]["detail"] == f"reveal: user {ann.pk}"


def meanwhile(direct, monkeypatch, change) -> None:
    """``change`` was made on another node: this one applies it as soon as it asks for what the group has committed."""
    waiting = [change]

    def read_index(deadline_s=None):
        while waiting:
            waiting.pop()()
        return direct.applied

    monkeypatch.setattr(direct, "read_index", read_index)


def test_a_grant_that_this_node_has_yet_to_apply_holds_already(ann, direct, monkeypatch):
    caller = api_of(ann, "read:*")
    meanwhile(direct, monkeypatch, lambda: grant("view", "shop", ann))
    assert caller.get("namespaces/shop/entries/a?consistency=stale").status_code == 403
    assert caller.get("namespaces/shop/entries/a").status_code == 200
    assert caller.get("namespaces/bank/entries/a").status_code == 403


def test_a_token_that_this_node_has_yet_to_apply_is_known_already(ann, direct, monkeypatch):
    grant("view", "shop", ann)
    plain = "cfg_" + "x" * 43
    meanwhile(direct, monkeypatch, lambda: services.create_token("test", "t", ann.pk, ["read:*"], plain=plain))
    assert Api(plain).get("namespaces/shop/entries/a?consistency=stale").status_code == 401
    assert Api(plain).get("namespaces/shop/entries/a").status_code == 200
    assert Api("cfg_other").get("namespaces/shop/entries/a").status_code == 401


def test_a_refusal_stands_without_a_leader_and_where_too_many_wait(ann, direct, monkeypatch):
    caller = api_of(ann, "read:*")
    direct.failure = NoLeader()
    assert caller.get("namespaces/shop/entries/a").status_code == 403
    assert direct.failure is None
    for _ in range(second_look.MOST_WAITING):
        assert second_look._places.acquire(blocking=False)
    try:
        reads = direct.reads
        assert caller.get("namespaces/shop/entries/a").status_code == 403
        assert direct.reads == reads
    finally:
        second_look._places.release(second_look.MOST_WAITING)
