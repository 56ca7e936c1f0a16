"""Signing in, users, groups and tokens in the admin."""

import html
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config_service.accounts import services
from config_service.accounts.commands import PutUser
from config_service.accounts.models import ApiToken, User
from config_service.accounts.selectors import find_token
from consensus import errors

PASSWORD = "a long enough one"


@pytest.fixture
def site(client, root):
    client.force_login(root)
    return client


def text(page) -> str:
    return html.unescape(page.content.decode())


def add_user(site, name="ann"):
    sent = {"username": name, "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert site.post(reverse("admin:accounts_user_add"), sent).status_code == 302
    return User.objects.get(username=name)


def test_signing_in_writes_nothing(client, root):
    with CaptureQueriesContext(connection) as queries:
        sent = {"username": "root", "password": "correct horse", "next": "/admin/"}
        assert client.post("/admin/login/", sent).status_code == 302
        assert client.get("/admin/").status_code == 200
        client.post("/admin/logout/")
    assert [query["sql"] for query in queries if not re.match(r"SELECT|SAVEPOINT|RELEASE", query["sql"])] == []


def test_a_user_from_birth_to_death(site, client):
    user = add_user(site)
    assert user.check_password(PASSWORD) and not user.is_staff
    add_group = reverse("admin:auth_group_add")
    permission = Permission.objects.get(codename="view_configentry")
    assert site.post(add_group, {"name": "readers", "permissions": [permission.pk]}).status_code == 302
    change = reverse("admin:accounts_user_change", args=[user.pk])
    sent = {
        "username": "ann", "email": "ann@example.com", "is_active": "on", "is_staff": "on",
        "groups": [Group.objects.get().pk], "user_permissions": [Permission.objects.get(codename="add_user").pk],
    }  # fmt: skip
    assert site.post(change, sent).status_code == 302
    user = User.objects.get(pk=user.pk)
    assert user.is_staff and user.email == "ann@example.com" and user.check_password(PASSWORD)
    assert user.has_perm("entries.view_configentry") and user.has_perm("accounts.add_user")
    assert site.post(reverse("admin:accounts_user_delete", args=[user.pk]), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=user.pk).exists() and not LogEntry.objects.exists()


def test_a_user_that_exists_is_refused(site):
    add_user(site)
    sent = {"username": "ann", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert "already exists" in text(site.post(reverse("admin:accounts_user_add"), sent))


def test_a_refused_user_form_keeps_what_was_typed(site, direct):
    direct.failure = errors.NoLeader()
    sent = {"username": "bob", "password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    page = site.post(reverse("admin:accounts_user_add"), sent)
    assert page.status_code == 200 and "Nothing was changed" in text(page) and 'value="bob"' in text(page)
    assert not User.objects.filter(username="bob").exists()


def test_another_person_s_password(site, direct):
    user = add_user(site)
    url = reverse("admin:auth_user_password_change", args=[user.pk])
    sent = {"password1": PASSWORD * 2, "password2": PASSWORD * 2, "usable_password": "true", "set-password": "1"}
    direct.failure = errors.NoLeader()
    assert "Nothing was changed" in text(site.post(url, sent, follow=True))
    assert User.objects.get(pk=user.pk).check_password(PASSWORD)
    assert site.post(url, sent).status_code == 302
    assert User.objects.get(pk=user.pk).check_password(PASSWORD * 2)


def test_one_s_own_password(site, direct, root):
    url = reverse("admin:password_change")
    assert site.get(url).status_code == 200
    sent = {"old_password": "correct horse", "new_password1": PASSWORD, "new_password2": PASSWORD}
    assert "incorrect" in text(site.post(url, sent | {"old_password": "x"}))
    direct.failure = errors.NoLeader()
    assert "Nothing was changed" in text(site.post(url, sent))
    assert site.post(url, sent).status_code == 302
    assert User.objects.get(pk=root.pk).check_password(PASSWORD)
    assert site.get("/admin/").status_code == 200


def test_a_group_is_renamed_and_deleted(site):
    add = reverse("admin:auth_group_add")
    site.post(add, {"name": "one"})
    group = Group.objects.get()
    assert site.post(reverse("admin:auth_group_change", args=[group.pk]), {"name": "two"}).status_code == 302
    assert list(Group.objects.values_list("pk", "name")) == [(group.pk, "two")]
    sent = {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"}
    assert "Deleted: 1" in text(site.post(reverse("admin:auth_group_changelist"), sent, follow=True))
    assert not Group.objects.exists()


def test_a_token_is_shown_once(site, root):
    add = reverse("admin:accounts_apitoken_add")
    assert "'all' is none of" in text(site.post(add, {"name": "t", "user": root.pk, "scopes": "all"}))
    page = site.post(add, {"name": "t", "user": root.pk, "scopes": "write:shop, read:*"})
    plain = re.search(r"cfg_[\w-]{43}", text(page))[0]
    token = find_token(plain)
    assert token.scopes == ["read:*", "write:shop"] and token.prefix == plain[:8]
    assert plain not in token.token_hash and "no-store" in page.headers["Cache-Control"]
    assert plain not in str(site.cookies)
    change = reverse("admin:accounts_apitoken_change", args=[token.pk])
    shown = text(site.get(change))
    assert plain not in shown and token.token_hash not in shown
    assert site.post(change, {"name": "u", "user": root.pk, "scopes": "operate"}).status_code == 302
    assert (find_token(plain).name, find_token(plain).scopes) == ("u", ["operate"])
    site.post(reverse("admin:accounts_apitoken_delete", args=[token.pk]), {"post": "yes"})
    assert not ApiToken.objects.exists()


def test_permissions_that_a_form_does_not_list_are_kept(site):
    user, unlisted = add_user(site), Permission.objects.get(codename="view_hardstate")
    command = PutUser(user.pk, "ann", "", is_staff=True, permissions=("consensus.view_hardstate", "accounts.add_user"))
    services.put_user("root", command)
    page = text(site.get(reverse("admin:accounts_user_change", args=[user.pk])))
    assert "Can add user" in page and "hard state" not in page and "Entries and namespaces" in page
    chosen = Permission.objects.get(codename="view_configentry")
    sent = {"username": "ann", "is_active": "on", "is_staff": "on", "user_permissions": [chosen.pk]}
    assert site.post(reverse("admin:accounts_user_change", args=[user.pk]), sent).status_code == 302
    assert set(user.user_permissions.all()) == {unlisted, chosen}


def test_a_token_expires_when_it_is_told_to(site, root):
    sent = {"name": "t", "user": root.pk, "scopes": "read:*", "expires_at": "2031-02-03T04:05"}
    site.post(reverse("admin:accounts_apitoken_add"), sent)
    token = ApiToken.objects.get(name="t")
    assert token.expires_at.isoformat() == "2031-02-03T04:05:00+00:00"
    assert 'value="2031-02-03T04:05"' in text(site.get(reverse("admin:accounts_apitoken_change", args=[token.pk])))


def test_a_person_without_permission_gets_nowhere(client, site):
    user = add_user(site, "eve")
    sent = {"username": "eve", "is_active": "on", "is_staff": "on"}
    site.post(reverse("admin:accounts_user_change", args=[user.pk]), sent)
    client.force_login(User.objects.get(pk=user.pk))
    for name in ("entries_configentry", "accounts_user", "accounts_apitoken", "consensus_member"):
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 403
