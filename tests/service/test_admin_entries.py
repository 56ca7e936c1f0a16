"""Namespaces and entries in the admin, as a person meets them."""

import html
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.urls import reverse

from config_service.entries import selectors, services
from config_service.entries.admin import ConfigEntryAdmin
from config_service.entries.models import ConfigEntry, Namespace
from consensus import errors
from tests.service.conftest import group_view

ADD = "admin:entries_configentry_add"
LIST = "admin:entries_configentry_changelist"


@pytest.fixture
def site(client, root):
    client.force_login(root)
    services.put_namespace("t", "shop")
    return client


def put(key="a", value=1, **more):
    services.put_entry("t", "shop", key, value, **more)
    return ConfigEntry.objects.get(namespace_id="shop", key=key)


def change_url(entry, what="change"):
    return reverse(f"admin:entries_configentry_{what}", args=[entry.pk])


def fields(page) -> dict[str, str]:
    """What the browser would send from the form as it is."""
    form = page.context["adminform"].form
    return {name: "" if form[name].value() is None else str(form[name].value()) for name in form.fields}


def text(page) -> str:
    return html.unescape(page.content.decode())


def test_add_edit_and_delete(site):
    page = site.get(reverse(ADD))
    assert page.status_code == 200
    sent = fields(page) | {"namespace": "shop", "key": "a/b", "type": "json", "value": '{"x": 1.0}', "comment": "c"}
    page = site.post(reverse(ADD), sent, follow=True)
    assert "was added successfully" in text(page)
    entry = ConfigEntry.objects.get()
    assert (entry.value, entry.type, entry.comment, entry.updated_by) == ('{"x":1.0}', "json", "c", "root")
    page = site.get(change_url(entry))
    sent = fields(page) | {"type": "integer", "value": "42"}
    assert site.post(change_url(entry), sent).status_code == 302
    assert selectors.get_entry("shop", "a/b").value_json == "42"
    page = site.get(change_url(entry, "delete"))
    assert "Delete" in text(page)
    assert site.post(change_url(entry, "delete"), {"post": "yes", "base_revision": page.context["base_revision"]})
    assert not ConfigEntry.objects.exists() and not LogEntry.objects.exists()


@pytest.mark.parametrize(
    "value", ["", " padded ", "two\nlines", "42", '"quoted"', "<b>é😀</b>", "tab\tcr\r\nnul\0", "\n"]
)
def test_a_string_is_typed_as_it_is(site, value):
    entry = put("s", value)
    page = site.get(change_url(entry))
    sent = {name: re.sub("\r?\n", "\r\n", shown) for name, shown in fields(page).items()}
    assert site.post(change_url(entry), sent).status_code == 302
    after = ConfigEntry.objects.get()
    assert (after.value, after.type, after.version) == (entry.value, "string", 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": "{"}, {"value": "1.5"}, {"value": '{"a":1,"a":2}', "type": "json"}, {"type": "number"},
        {"key": "a//b"}, {"key": ""}, {"namespace": "none"}, {"value": "NaN", "type": "float"},
        {"value": "x" * 600_000, "type": "string"}, {"value": ""},
    ],
)  # fmt: skip
def test_bad_input_stays_in_the_form(site, direct, wrong):
    before = len(direct.proposed)
    sent = {"namespace": "shop", "key": "k", "type": "integer", "value": "1"} | wrong
    page = site.post(reverse(ADD), sent)
    assert page.status_code == 200 and page.context["errors"]
    assert len(direct.proposed) == before


def test_an_entry_that_exists_is_not_added_again(site):
    put("a", 1)
    page = site.post(reverse(ADD), {"namespace": "shop", "key": "a", "type": "integer", "value": "2"})
    assert "already exists" in text(page)
    assert ConfigEntry.objects.get().value == "1"


def test_a_change_made_meanwhile_is_shown_and_then_overwritten_on_purpose(site):
    entry = put("a", 1)
    mine = fields(site.get(change_url(entry))) | {"value": "7", "comment": "mine"}
    services.put_entry("ann", "shop", "a", 5)
    theirs = ConfigEntry.objects.get()
    page = site.post(change_url(entry), mine)
    assert page.status_code == 200
    assert "ann has changed this entry meanwhile" in text(page)
    assert f"revision {theirs.revision} with the value 5" in text(page)
    assert ConfigEntry.objects.get().value == "5"
    again = fields(page)
    assert (again["value"], again["comment"], again["base_revision"]) == ("7", "mine", str(theirs.revision))
    assert site.post(change_url(entry), again).status_code == 302
    assert (ConfigEntry.objects.get().value, ConfigEntry.objects.get().comment) == ("7", "mine")


def test_a_delete_of_what_was_changed_meanwhile_is_refused_once(site):
    entry = put("a", 1)
    base = site.get(change_url(entry, "delete")).context["base_revision"]
    services.put_entry("ann", "shop", "a", 5)
    page = site.post(change_url(entry, "delete"), {"post": "yes", "base_revision": base}, follow=True)
    assert "ann has changed this entry meanwhile" in text(page)
    assert ConfigEntry.objects.exists()
    site.post(change_url(entry, "delete"), {"post": "yes", "base_revision": page.context["base_revision"]})
    assert not ConfigEntry.objects.exists()


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (errors.NoLeader(), "Nothing was changed: this node cannot reach a leader"),
        (errors.Overloaded("x"), "too busy"),
        (errors.OutcomeUnknown("r-17"), "it may have happened"),
    ],
)
def test_what_was_typed_survives_a_refusal(site, direct, failure, said):
    direct.failure = failure
    sent = {"namespace": "shop", "key": "k", "type": "integer", "value": "17", "comment": "typed"}
    page = site.post(reverse(ADD), sent)
    assert page.status_code == 200 and said in text(page)
    assert "r-17" in text(page) or not isinstance(failure, errors.OutcomeUnknown)
    assert fields(page).items() >= sent.items()
    assert site.post(reverse(ADD), fields(page)).status_code == 302
    direct.failure = failure
    entry = ConfigEntry.objects.get()
    page = site.post(change_url(entry, "delete"), {"post": "yes"}, follow=True)
    assert said in text(page) and ConfigEntry.objects.exists()


def test_the_list_finds_and_filters(site):
    put("mail/from", "orders@example.com")
    put("mail/rate", 600, comment="per minute")
    assert "orders@example.com" in text(site.get(reverse(LIST)))
    for query, found in (("q=orders%40", 1), ("q=mail/", 2), ("q=minute", 1), ("type__exact=integer", 1)):
        assert site.get(reverse(LIST) + "?" + query).context["cl"].result_count == found, query


def test_bulk_delete_reports_each(site, direct):
    rows = [put(key) for key in "abc"]
    direct.failure = errors.NoLeader()
    sent = {"action": "delete_selected", "_selected_action": [row.pk for row in rows]}
    assert "Are you sure" in text(site.post(reverse(LIST), sent))
    page = text(site.post(reverse(LIST), sent | {"post": "yes"}, follow=True))
    assert page.count("Nothing was changed") == 1 and "Deleted: 2" in page
    assert ConfigEntry.objects.count() == 1


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
    entry = put()
    assert "historylink" not in text(site.get(change_url(entry)))
    assert site.get(change_url(entry, "history")).status_code == 404


def test_a_database_that_is_away_is_not_a_server_error(site, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr(ConfigEntryAdmin, "get_queryset", away)
    page = site.get(reverse(LIST))
    assert page.status_code == 503 and "cannot reach its database" in text(page)
