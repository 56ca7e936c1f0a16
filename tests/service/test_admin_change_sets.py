"""Change sets in the admin: put together, looked at by a second person, published as shown."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from config_service.accounts import services as accounts
from config_service.changesets import selectors as change_sets
from config_service.changesets import services as changing
from config_service.changesets.models import ChangeSet
from config_service.entries import selectors, services
from config_service.sealing.keys import new_key
from consensus import errors
from tests.service.entry_pages import (
    ADD,
    NEW,
    bulk,
    change_url,
    do,
    fields,
    now,
    person,
    preview,
    put,
    text,
)
from tests.service.test_admin_history import at, url

LIST = "/admin/changesets/changeset/"


@pytest.fixture
def boss(client, root):
    """Another person who may publish; the same browser signs in as them."""

    def sign_in():
        user = person(client, "boss")
        for verb in ("view", "change", "publish"):
            accounts.put_grant("t", verb, "shop", user=user.pk)
        return client

    return sign_in


def propose(site, address, title="New ports", change_set="", **typed):
    page = preview(site, address, **typed)
    sent = fields(page) | {"_propose": "1", "change_title": title, "change_set": change_set}
    return site.post(address, sent, follow=True)


def take(site, page, step, **more):
    seen = page.context["seen"]
    sent = {"step": step, "revision": seen.revision, "digest": seen.digest} | more
    return site.post(f"{LIST}{seen.id}/change/", sent, follow=True)


def require_approval(**more):
    services.put_namespace("t", "shop", requires_approval=True, **more)


def test_edits_go_into_a_change_set_one_after_the_other(site):
    entry = put("a", 1)
    page = propose(site, change_url(entry), integer_value="2")
    seen = page.context["seen"]
    assert (seen.title, seen.state, seen.edit_count) == ("New ports", "draft", 1) and now().value_json == "1"
    page = propose(site, reverse(ADD), change_set=str(seen.id), **NEW)
    assert page.context["seen"].edit_count == 2
    page = propose(site, change_url(entry), change_set=str(seen.id), integer_value="3")
    assert [edit.value_json for edit in page.context["seen"].edits] == ["1", "3"]
    assert "New ports" in text(site.get(LIST)) and "New ports" not in text(site.get(LIST + "?state=published"))
    page = take(site, page, "publish")
    assert "All 2 edits are published" in text(page) and now().value_json == "3" and now("k").value_json == "1"
    assert now().revision == now("k").revision
    assert "New ports" in text(site.get(LIST + "?state=published"))


def test_where_an_approval_is_needed_the_preview_leads_to_a_change_set(site, boss):
    entry = put("a", 1)
    require_approval()
    page = preview(site, change_url(entry), integer_value="2")
    assert 'name="_save"' not in text(page) and "a second person approves" in text(page)
    page = propose(site, change_url(entry), integer_value="2")
    assert "A second person has to approve" in text(page) and "only another person can approve it" in text(page)
    assert "another person must" in text(take(site, page, "approve"))
    page = take(site, page, "publish")
    assert "Nothing was changed" in text(page) and now().value_json == "1"
    second = boss()
    page = second.get(f"{LIST}{page.context['seen'].id}/change/")
    page = take(second, page, "approve")
    assert "Approved by boss" in text(page)
    page = take(second, page, "publish")
    assert now().value_json == "2" and "Published as revision" in text(page)


def test_an_approval_is_bound_to_what_was_shown(site, boss):
    entry = put("a", 1)
    require_approval()
    shown = propose(site, change_url(entry), integer_value="2")
    seen = shown.context["seen"]
    propose(site, change_url(entry), change_set=str(seen.id), integer_value="666")
    second = boss()
    page = take(second, shown, "approve")
    assert "Nothing was done" in text(page) and not change_sets.get_change_set(seen.id).approved
    page = take(second, page, "approve")
    assert change_sets.get_change_set(seen.id).approved and "666" in text(page)


def test_an_edit_after_the_approval_needs_a_new_one(site):
    entry = put("a", 1)
    require_approval()
    seen = propose(site, change_url(entry), integer_value="2").context["seen"]
    changing.approve("boss", change_sets.get_change_set(seen.id), seen.digest)
    page = propose(site, change_url(entry), change_set=str(seen.id), integer_value="3")
    assert page.context["seen"].state == "draft" and not page.context["seen"].approved


def test_a_conflict_is_shown_and_merged_through_the_entry(site):
    entry = put("a", {"x": 1, "y": 1})
    page = propose(site, change_url(entry), json_value='{"x": 2, "y": 1}')
    seen = page.context["seen"]
    services.put_entry("ann", "shop", "a", {"x": 1, "y": 2})
    page = site.get(f"{LIST}{seen.id}/change/")
    assert "conflict" in text(page) and not page.context["publishable"] and "Merge…" in text(page)
    address = f"{change_url(entry)}?change_set={seen.id}"
    page = site.get(address)
    assert fields(page)["base_revision"] == str(seen.edits[0].base_revision)
    page = site.post(address, fields(page) | {"_preview": "1"})
    assert page.context["ways"].is_automatic
    page = site.post(change_url(entry), fields(page) | {"_preview": "1"})
    assert page.context["change_set"] == seen.id
    sent = fields(page) | {"_propose": "1", "change_set": str(seen.id)}
    page = site.post(change_url(entry), sent, follow=True)
    assert page.context["publishable"]
    take(site, page, "publish")
    assert now().value_json == '{"x":2,"y":2}'


def test_a_protected_namespace_asks_for_its_name_before_publishing(site):
    entry = put("a", 1)
    services.put_namespace("t", "shop", protected=True)
    page = propose(site, change_url(entry), integer_value="2")
    page = take(site, page, "publish")
    assert "type shop to confirm" in text(page) and now().value_json == "1"
    take(site, page, "publish", **{"confirm:shop": "shop"})
    assert now().value_json == "2"


def test_one_is_scheduled_and_taken_off_and_withdrawn(site):
    entry = put("a", 1)
    page = propose(site, change_url(entry), integer_value="2")
    assert "choose a date" in text(take(site, page, "schedule"))
    assert "past" in text(take(site, page, "schedule", publish_at="2020-01-01T00:00"))
    later = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    page = take(site, page, "schedule", publish_at=later)
    assert page.context["seen"].state == "scheduled" and "Will be published" in text(page)
    page = take(site, page, "unschedule")
    assert page.context["seen"].state == "draft"
    page = take(site, page, "withdraw", reason="not needed")
    assert page.context["seen"].state == "withdrawn" and "not needed" in text(page)
    assert 'name="step"' not in text(page) and now().value_json == "1"


def test_an_edit_is_taken_out(site):
    entry = put("a", 1)
    page = propose(site, change_url(entry), integer_value="2")
    page = propose(site, reverse(ADD), change_set=str(page.context["seen"].id), **NEW)
    page = take(site, page, "remove", namespace="shop", key="a")
    assert [edit.key for edit in page.context["seen"].edits] == ["k"]


def test_many_entries_go_into_a_change_set_at_once(site):
    services.put_namespace("t", "test")
    rows = [put("a", 1), put("b", 2)]
    require_approval()
    page = bulk(site, "delete_selected", rows)
    assert 'name="_confirm"' not in text(page)
    assert "change by approved change sets only" in text(do(site, page)) and now()
    sent = {"bulk_action": "delete", "seen": page.context["seen"], "_propose": "1", "change_title": "Away"}
    page = site.post(url("configentry_bulk"), sent, follow=True)
    assert [(edit.operation, edit.key) for edit in page.context["seen"].edits] == [("delete", "a"), ("delete", "b")]
    to = {"namespace": "test", "prefix": "old/"}
    page = bulk(site, "copy_selected", rows, **to)
    sent = {"bulk_action": "copy", "seen": page.context["seen"], "_propose": "1", "change_title": "Copies"} | to
    page = site.post(url("configentry_bulk"), sent, follow=True)
    take(site, page, "publish")
    assert selectors.get_entry("test", "old/a").value_json == "1"


def test_going_back_goes_into_a_change_set(site):
    then = put("a", 1).revision
    current = put("a", 2)
    require_approval()
    revert = at(url("configentry_revert", "shop", "a"), revision=then)
    assert "Go back to this value" not in text(site.get(revert))
    sent = {"base_revision": current.revision, "_propose": "1", "change_title": "Back"}
    page = site.post(revert, sent, follow=True)
    assert [(edit.value_json, edit.base_revision) for edit in page.context["seen"].edits] == [("1", current.revision)]


def test_a_secret_in_a_change_set_is_not_shown(site, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    entry = put("a", "first", type="secret")
    page = propose(site, change_url(entry), secret_value="second")
    assert "second" not in text(page) and "Neither is shown" in text(page)
    again = site.get(f"{change_url(entry)}?change_set={page.context['seen'].id}")
    assert "second" not in text(again) and fields(again)["secret_value"] == ""


def test_what_was_typed_survives_a_refusal(site, direct):
    page = preview(site, reverse(ADD), **NEW)
    direct.failure = errors.NoLeader()
    sent = fields(page) | {"_propose": "1", "change_title": "x"}
    page = site.post(reverse(ADD), sent)
    assert "Nothing was changed" in text(page) and fields(page)["integer_value"] == "1"
    page = site.post(reverse(ADD), fields(page) | {"_propose": "1", "change_title": " "})
    assert "a title is needed" in text(page)


def test_people_see_only_change_sets_of_namespaces_they_may_read(site, client):
    entry = put("a", 1)
    page = propose(site, change_url(entry), integer_value="2")
    address = f"{LIST}{page.context['seen'].id}/change/"
    ann = person(client, "ann")
    assert client.get(LIST).status_code == 403
    accounts.put_grant("t", "view", "other", user=ann.pk)
    assert "New ports" not in text(client.get(LIST)) and client.get(address).status_code == 403
    accounts.put_grant("t", "view", "shop", user=ann.pk)
    assert "New ports" in text(client.get(LIST))
    shown = client.get(address)
    assert "needs the permission accounts.publish_namespace in namespace shop" in text(shown)
    for step in ("approve", "publish", "withdraw", "remove", "other"):
        assert take(client, shown, step).status_code == 403, step
    assert ChangeSet.objects.get().state == "draft" and client.get(f"{LIST}99/change/").status_code == 404
