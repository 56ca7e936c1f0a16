"""The admin keeps to grants, by the same rules as REST."""

import pytest

from config_service.accounts import services as accounts
from config_service.accounts.commands import PutUser
from config_service.accounts.models import Grant, User
from config_service.entries import services
from config_service.entries.models import ConfigEntry

ENTRIES = "/admin/entries/configentry/"


@pytest.fixture
def ann(root):
    for namespace in ("shop", "bank"):
        services.put_namespace("t", namespace)
        services.put_entry("t", namespace, f"of-{namespace}", 1)
    accounts.put_user("t", PutUser(User().pk, "ann", "", is_staff=True))
    return User.objects.get(username="ann")


@pytest.fixture
def site(client, ann):
    client.force_login(ann)
    return client


def entry(key):
    return ConfigEntry.objects.get(key=key)


def change(site, key):
    stored = entry(key)
    sent = {"type": "integer", "integer_value": "2", "base_revision": stored.revision, "_save": "1"}
    return site.post(f"{ENTRIES}{stored.pk}/change/", sent)


def test_without_a_grant_there_is_nothing(site):
    page = site.get(ENTRIES)
    assert page.status_code == 403 and "permission entries.view_configentry in some namespace" in page.content.decode()


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        (f"{ENTRIES}add/", "entries.add_configentry in some namespace"),
        ("/admin/accounts/user/", "accounts.view_user"),
        ("/admin/accounts/apitoken/add/", "accounts.add_apitoken"),
        ("/admin/auth/group/", "auth.view_group"),
        ("/admin/audit/auditrecord/", "audit.view_auditrecord"),
        ("/admin/consensus/member/", "consensus.view_member"),
        ("/admin/switches/switchchange/", "switches.view_switch"),
    ],
)
def test_a_refusal_names_what_is_missing(site, path, missing):
    page = site.get(path)
    assert page.status_code == 403 and f"permission {missing}" in page.content.decode()


def test_a_viewer_sees_one_namespace_and_changes_nothing(site, ann):
    accounts.put_grant("t", "view", "shop", user=ann.pk)
    page = site.get(ENTRIES).content.decode()
    assert "of-shop" in page and "of-bank" not in page
    assert site.get(f"{ENTRIES}{entry('of-shop').pk}/change/").status_code == 200
    assert site.get(f"{ENTRIES}{entry('of-bank').pk}/change/").status_code == 302
    refused = change(site, "of-shop")
    assert refused.status_code == 403 and "entries.change_configentry in namespace shop" in refused.content.decode()
    assert entry("of-shop").value == "1"
    deleting = site.get(f"{ENTRIES}{entry('of-shop').pk}/delete/")
    assert deleting.status_code == 403 and "entries.delete_configentry in namespace shop" in deleting.content.decode()


def test_a_changer_changes_one_namespace(site, ann):
    accounts.put_grant("t", "change", "shop", user=ann.pk)
    assert change(site, "of-shop").status_code == 302 and entry("of-shop").value == "2"
    change(site, "of-bank")
    assert entry("of-bank").value == "1"
    new = {"namespace": "bank", "key": "new", "type": "integer", "integer_value": "1", "_save": "1"}
    site.post(f"{ENTRIES}add/", new)
    assert not ConfigEntry.objects.filter(key="new").exists()
    assert site.post(f"{ENTRIES}add/", new | {"namespace": "shop"}).status_code == 302
    sent = {"action": "delete_selected", "_selected_action": [entry("of-bank").pk], "post": "yes"}
    site.post(ENTRIES, sent)
    assert ConfigEntry.objects.filter(key="of-bank").exists()


def test_grants_are_made_and_taken_back(client, root, ann):
    client.force_login(root)
    url = "/admin/accounts/grant/"
    assert client.post(f"{url}add/", {"namespace": "shop", "verb": "view", "user": ann.pk}).status_code == 302
    grant = Grant.objects.get()
    assert (grant.user, grant.verb) == (ann, "view")
    assert client.post(f"{url}add/", {"namespace": "shop", "verb": "view"}).status_code == 200
    assert client.post(f"{url}{grant.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Grant.objects.exists()


def test_only_a_superuser_manages_superusers(site, ann, root):
    names = ("view_user", "add_user", "change_user", "delete_user")
    accounts.put_user("t", PutUser(ann.pk, "ann", "", is_staff=True, permissions=tuple(f"accounts.{n}" for n in names)))
    page = f"/admin/accounts/user/{root.pk}"
    assert site.post(f"{page}/change/", {"username": "root"}).status_code == 403
    assert site.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    assert site.post(f"{page}/password/", {"password1": "x", "password2": "x"}).status_code == 403
    sent = {"username": "ann", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
    assert site.post(f"/admin/accounts/user/{ann.pk}/change/", sent).status_code == 302
    assert not User.objects.get(pk=ann.pk).is_superuser and User.objects.get(pk=root.pk).is_superuser
