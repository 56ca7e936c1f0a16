"""The lists of entries and namespaces in the admin, and what is done to many at once."""

import re

from django.db import OperationalError
from django.urls import reverse

from config_service.accounts import services as accounts
from config_service.console.editing.entry_admin import ConfigEntryAdmin
from config_service.entries import selectors, services
from config_service.entries.models import ConfigEntry, Namespace
from config_service.sealing.keys import new_key
from consensus import errors
from tests.service.conftest import group_view
from tests.service.entry_pages import ADD, LIST, bulk, change_url, do, fields, now, person, put, text


def test_the_list_finds_and_filters(site, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    put("mail/from", "orders@example.com")
    put("mail/rate", 600, comment="per minute")
    put("token", "orders@example.com", type="secret")
    assert "orders@example.com" in text(site.get(reverse(LIST)))
    wanted = (
        ("q=orders%40", 1), ("q=mail/", 2), ("q=minute", 1), ("type__exact=integer", 1), ("since=hour", 3),
        ("updated_by=t", 3), ("updated_by=ann", 0), ("q=sealed", 0),
    )  # fmt: skip
    for query, found in wanted:
        assert site.get(reverse(LIST) + "?" + query).context["cl"].result_count == found, query


def test_a_bulk_delete_is_shown_first_and_is_one_revision(site, direct):
    rows = [put(key) for key in "abc"]
    page = bulk(site, "delete_selected", rows)
    assert "3 entries of shop will be deleted" in re.sub("<[^>]*>", "", text(page)) and ConfigEntry.objects.count() == 3
    direct.failure = errors.NoLeader()
    page = do(site, page)
    assert "Nothing was changed" in text(page) and ConfigEntry.objects.count() == 3
    before = len(direct.proposed)
    assert "3 entries were deleted" in text(do(site, page))
    assert not ConfigEntry.objects.exists() and len(direct.proposed) == before + 1


def test_what_changed_after_a_bulk_page_was_shown_is_refused_and_said(site):
    rows = [put(key) for key in "ab"]
    page = bulk(site, "delete_selected", rows)
    put("b", 2)
    page = do(site, page)
    assert "Nothing was done" in text(page) and len(page.context["changed"]) == 1
    assert page.context["changed"][0].startswith("shop/b is at revision")
    assert ConfigEntry.objects.count() == 2
    do(site, page)
    assert not ConfigEntry.objects.exists()


def test_entries_are_copied_and_moved_to_another_namespace(site):
    services.put_namespace("t", "test")
    services.put_entry("t", "test", "old/b", 9)
    rows = [put(key) for key in "ab"]
    to = {"namespace": "test", "prefix": "old/"}
    page = bulk(site, "copy_selected", rows, **to)
    assert "old/a" in text(page) and "replaces" in text(page)
    page = do(site, page, **to)
    assert "1 entries would be replaced, which was not asked for" in text(page)
    assert "2 entries were copied" in text(do(site, page, **to, overwrite="1"))
    assert selectors.get_entry("test", "old/b").value_json == "1"
    page = bulk(site, "move_selected", rows, namespace="test", prefix="")
    assert "2 entries were moved" in text(do(site, page, namespace="test", prefix=""))
    assert now("a") is None and selectors.get_entry("test", "a").value_json == "1"


def test_bulk_pages_refuse_what_a_person_may_not(site, client, root):
    services.put_namespace("t", "test")
    rows = [put(key) for key in "ab"]
    ann = person(client, "ann")
    accounts.put_grant("root", "view", "shop", user=ann.pk)
    accounts.put_grant("root", "change", "test", user=ann.pk)
    page = bulk(client, "copy_selected", rows, namespace="test", prefix="")
    assert "2 entries were copied" in text(do(client, page, namespace="test", prefix=""))
    page = bulk(client, "move_selected", rows, namespace="test", prefix="x/")
    assert "This needs the permission entries.delete_configentry in namespace shop" in text(page)
    do(client, page, namespace="test", prefix="x/")
    assert now("a") is not None


def test_an_entry_of_a_namespace_that_one_may_only_see_is_shown_without_a_form(site, client):
    entry = put("a", {"x": 1})
    ann = person(client, "ann")
    accounts.put_grant("root", "view", "shop", user=ann.pk)
    page = client.get(change_url(entry))
    assert "entries.change_configentry in namespace shop" in text(page) and "_preview" not in text(page)
    sent = fields(page) | {"json_value": "{}", "_save": "1"}
    assert client.post(change_url(entry), sent).status_code == 403 and now().version == 1


def test_namespaces(site):
    url = reverse("admin:entries_namespace_add")
    assert site.post(url, {"name": "billing", "description": "d"}).status_code == 302
    assert "already exists" in text(site.post(url, {"name": "billing", "description": "d"}))
    assert "1 to 64" in text(site.post(url, {"name": "a b", "description": "d"}))
    change = reverse("admin:entries_namespace_change", args=["billing"])
    assert site.post(change, {"description": "e"}).status_code == 302
    assert Namespace.objects.get(pk="billing").description == "e"
    delete = reverse("admin:entries_namespace_delete", args=["billing"])
    services.put_entry("t", "billing", "a", 1)
    site.post(delete, {"post": "yes"})
    assert Namespace.objects.filter(pk="billing").exists()
    services.delete_entry("t", "billing", "a")
    assert site.post(delete, {"post": "yes"}).status_code == 302
    assert not Namespace.objects.filter(pk="billing").exists()


def test_every_page_says_who_answers(site, group):
    for url in (reverse("admin:index"), reverse(LIST), reverse(ADD)):
        assert "Answered by n1, n2 leads" in text(site.get(url))
    group.view = group_view(leader="", leader_heard_ms=12_000)
    page = text(site.get(reverse(LIST)))
    assert "no majority: writing is off, what you see may be 12 s old" in page
    group.view = group_view(running=False, leader="", leader_heard_ms=None, members=())
    assert "of unknown age" in text(site.get(reverse("admin:index")))
    group.view = group_view(leader="n1", leader_heard_ms=0)
    assert "n1, which leads" in text(site.get(reverse("admin:index")))


def test_nothing_of_django_s_action_log_is_shown(site):
    assert "Recent actions" not in text(site.get(reverse("admin:index")))


def test_a_database_that_is_away_is_not_a_server_error(site, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr(ConfigEntryAdmin, "get_queryset", away)
    page = site.get(reverse(LIST))
    assert page.status_code == 503 and "cannot reach its database" in text(page)
