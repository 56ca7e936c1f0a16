"""Namespaces in the admin: marks, protection, rules."""

import json
import re

from django.urls import reverse

from config_service.accounts import services as accounts
from config_service.entries import selectors, services
from config_service.entries.models import ConfigEntry, Namespace
from config_service.entries.schemas import services as schemas
from config_service.entries.schemas.selectors import versions
from tests.service.entry_pages import (
    ADD,
    LIST,
    NEW,
    bulk,
    change_url,
    confirm,
    do,
    now,
    person,
    preview,
    put,
    save,
    text,
)
from tests.service.test_admin_history import at, url

PORTS = [{"keys": "*/port", "schema": {"type": "integer", "minimum": 1}}]


def protect():
    services.put_namespace("t", "shop", colour="red", protected=True)


def test_marks_are_set_and_shown_wherever_an_entry_is(site):
    change = reverse("admin:entries_namespace_change", args=["shop"])
    sent = {"description": "d", "colour": "red", "protected": "on", "requires_approval": ""}
    assert site.post(change, sent).status_code == 302
    stored = Namespace.objects.get()
    assert (stored.colour, stored.protected, stored.requires_approval) == ("red", True, False)
    entry = put("a", 1)
    pages = (
        reverse(LIST), change_url(entry), url("configentry_timeline", "shop", "a"), url("namespace_timeline", "shop"),
        url("namespace_state", "shop"), reverse("admin:entries_namespace_changelist"),
        at(url("configentry_revert", "shop", "a"), revision=entry.revision),
    )  # fmt: skip
    for page in pages:
        assert 'class="mark mark-red"' in text(site.get(page)) and ">protected<" in text(site.get(page)), page


def test_marks_that_rule_changes_need_the_permission_to_operate(site, client):
    ann = person(client, "ann")
    for name in ("add_namespace", "change_namespace", "view_namespace"):
        accounts.change_user("t", ann, "ann", {"permissions": (f"entries.{name}", *permissions(ann))}, None, "r" + name)
        ann = type(ann).objects.get(pk=ann.pk)
    change = reverse("admin:entries_namespace_change", args=["shop"])
    assert client.post(change, {"description": "", "colour": "blue"}).status_code == 302
    page = client.post(change, {"description": "", "colour": "blue", "protected": "on"})
    assert page.status_code == 403 and not Namespace.objects.get().protected
    accounts.put_grant("t", "operate", "shop", user=ann.pk)
    assert client.post(change, {"description": "", "colour": "blue", "protected": "on"}).status_code == 302
    assert Namespace.objects.get().protected


def permissions(user):
    return [f"{app}.{code}" for app, code in user.user_permissions.values_list("content_type__app_label", "codename")]


def test_a_protected_namespace_asks_for_its_name_before_a_save(site, direct):
    entry = put("a", 1)
    protect()
    page = preview(site, change_url(entry), integer_value="2")
    assert "type <code>shop</code> to confirm" in text(page)
    before = len(direct.proposed)
    for typed in ({}, {"confirm:shop": "Shop"}):
        page = confirm(site, change_url(entry), page, **typed)
        assert "Nothing was changed: type shop to confirm" in text(page) and len(direct.proposed) == before
    confirm(site, change_url(entry), page, **{"confirm:shop": "shop"})
    assert now().value_json == "2"


def test_a_protected_namespace_asks_before_anything_else_too(site):
    then = put("a", 1).revision
    rows = [put("a", 2)]
    protect()
    services.put_namespace("t", "open")
    revert = at(url("configentry_revert", "shop", "a"), revision=then)
    assert "type shop to confirm" in text(site.post(revert, {"base_revision": rows[0].revision}))
    back = at(url("namespace_revert", "shop"), revision=then)
    assert "type shop to confirm" in text(site.post(back, {"seen_revision": selectors.applied_revision()}))
    assert "type shop to confirm" in text(do(site, bulk(site, "delete_selected", rows)))
    sent = {"text": '{"a": 3}', "format": "json", "mode": "merge", "_confirm": "1", "seen_revision": "99"}
    assert "type shop to confirm" in text(site.post(url("namespace_import", "shop"), sent))
    assert now().value_json == "2"
    to = {"namespace": "open", "prefix": ""}
    assert "1 entry was copied" in text(do(site, bulk(site, "copy_selected", rows, **to), **to))
    assert "1 entry was deleted" in text(do(site, bulk(site, "delete_selected", rows), **{"confirm:shop": "shop"}))


def test_what_breaks_a_rule_is_said_at_the_field_with_its_path(site, direct):
    schemas.put_schema("t", "shop", [{"keys": "mail", "schema": {"properties": {"port": {"type": "integer"}}}}])
    before = len(direct.proposed)
    typed = NEW | {"key": "mail", "type": "json", "json_value": '{"port": "25"}'}
    for step in ("_preview", "_save"):
        page = site.post(reverse(ADD), typed | {step: "1"})
        (error,) = page.context["form"].errors["json_value"]
        assert "/port" in error and len(direct.proposed) == before
    page = preview(site, reverse(ADD), **typed | {"json_value": '{"port": 25}'})
    assert "keeps the 1 rule of the schema about this key" in text(page)
    assert "No rule of the schema" in text(preview(site, reverse(ADD), **NEW))


def test_rules_that_came_after_the_preview_are_said_too(site):
    page = preview(site, reverse(ADD), **NEW | {"key": "mail/port", "type": "string", "string_value": "x"})
    schemas.put_schema("t", "shop", PORTS)
    page = confirm(site, reverse(ADD), page)
    assert "string_value" in page.context["form"].errors and not ConfigEntry.objects.exists()


def test_rules_are_tried_on_every_value_and_then_set(site):
    put("mail/port", "25"), put("web/port", 80)
    page = url("namespace_schema", "shop")
    assert "every value is good" in text(site.get(page))
    tried = site.post(page, {"rules": json.dumps(PORTS), "version": "0", "_check": "1"})
    assert [(one.key, one.path) for one in tried.context["verdict"].broken] == [("mail/port", "")]
    assert not Namespace.objects.get().schema
    sent = {"rules": json.dumps(PORTS), "version": "0", "comment": "ports", "_save": "1"}
    assert "1 of the values" in text(site.post(page, sent)) and not Namespace.objects.get().schema
    assert "version 1 now" in text(site.post(page, sent | {"force": "1"}, follow=True))
    put("mail/port", 25)
    assert "All 2 values keep" in text(site.post(page, {"rules": json.dumps(PORTS), "_check": "1"}))
    assert "somebody else has set other rules" in text(site.post(page, sent))
    assert "has no schema any more" in text(site.post(page, {"rules": "", "version": "1", "_save": "1"}, follow=True))
    assert [one.version for one in versions("shop")[0]] == [2, 1]
    assert "forced" in text(site.get(page)) and "“ports”" in text(site.get(page))


def test_bad_rules_are_explained_and_kept(site):
    page = url("namespace_schema", "shop")
    for rules, said in (
        ("{", "not JSON"),
        ("{}", "must be a list"),
        ('[{"keys": "a b", "schema": {}}]', "rules[0].keys"),
    ):
        shown = text(site.post(page, {"rules": rules, "version": "0", "_save": "1"}))
        assert said in shown and rules in re.sub("&quot;", '"', shown), rules


def test_rules_are_read_by_who_may_read_and_set_by_who_may_operate(site, client):
    ann = person(client, "ann")
    page = url("namespace_schema", "shop")
    assert client.get(page).status_code == 403
    accounts.put_grant("t", "view", "shop", user=ann.pk)
    assert "Changing the rules needs" in text(client.get(page))
    assert client.post(page, {"rules": "[]", "version": "0", "_save": "1"}).status_code == 403


def test_a_conflict_page_shows_the_mark(site):
    entry = put("a", 1)
    protect()
    page = preview(site, change_url(entry), integer_value="2")
    services.put_entry("ann", "shop", "a", 5)
    page = confirm(site, change_url(entry), page, **{"confirm:shop": "shop"})
    assert page.context["ways"].theirs.text == "5" and 'class="mark mark-red"' in text(page)


def test_saving_needs_no_name_where_nothing_is_protected(site):
    entry = put("a", 1)
    save(site, change_url(entry), integer_value="2")
    assert now().value_json == "2"
