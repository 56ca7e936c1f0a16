"""Entries in the admin, as a person meets them: adding, editing, deleting."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from config_service.entries import services
from config_service.entries.models import ConfigEntry
from config_service.sealing.keys import new_key
from tests.service.entry_pages import (
    ADD,
    NEW,
    change_url,
    confirm,
    fields,
    now,
    preview,
    put,
    save,
    text,
)


def test_add_edit_and_delete(site):
    page = save(site, reverse(ADD), namespace="shop", key="a/b", type="json", json_value='{"x": 1.0}', comment="c")
    assert "shop/a/b was added as revision" in re.sub("<[^>]*>", "", text(page))
    entry = ConfigEntry.objects.get()
    assert (entry.value, entry.type, entry.comment, entry.updated_by) == ('{"x":1.0}', "json", "c", "root")
    save(site, change_url(entry), type="integer", integer_value="42")
    assert now("a/b").value_json == "42"
    page = site.get(change_url(entry, "delete"))
    assert "Delete 1 entry" in text(page)
    sent = {"bulk_action": "delete", "seen": page.context["seen"], "_confirm": "1"}
    page = site.post(reverse("admin:entries_configentry_bulk"), sent, follow=True)
    assert "1 entry was deleted" in text(page)
    assert not ConfigEntry.objects.exists() and not LogEntry.objects.exists()


@pytest.mark.parametrize(
    ("kind", "typed", "stored"),
    [
        ("string", "yes", '"yes"'), ("integer", "12345678901234567890", "12345678901234567890"),
        ("float", "1e3", "1000.0"), ("float", "2", "2"), ("boolean", "on", "true"), ("json", "[1, null]", "[1,null]"),
        ("json", '"text"', '"text"'),
    ],
)  # fmt: skip
def test_each_type_has_a_field_of_its_own(site, kind, typed, stored):
    others = {"string_value": "x", "integer_value": "x", "float_value": "x", "json_value": "x"}
    save(site, reverse(ADD), **NEW | others | {"type": kind, f"{kind}_value": typed})
    entry = ConfigEntry.objects.get()
    assert (entry.type, entry.value) == (kind, stored)
    page = site.get(change_url(entry))
    assert page.context["form"]["type"].value() == kind
    save(site, change_url(entry))
    assert (now("k").value_json, now("k").version) == (stored, 2)


def test_a_switch_that_is_off_is_false(site):
    save(site, reverse(ADD), **NEW | {"type": "boolean"})
    assert now("k").value_json == "false"


@pytest.mark.parametrize(
    "value", ["", " padded ", "two\nlines", "42", '"quoted"', "<b>é😀</b>", "tab\tcr\r\nnul\0", "\n"]
)
def test_a_string_is_typed_as_it_is(site, value):
    entry = put("s", value)
    save(site, change_url(entry))
    after = ConfigEntry.objects.get()
    assert (after.value, after.type, after.version) == (entry.value, "string", 2)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"type": "json", "json_value": "{"}, "json_value"), ({"integer_value": "1.5"}, "integer_value"),
        ({"type": "json", "json_value": '{"a":1,"a":2}'}, "json_value"), ({"type": "number"}, "type"),
        ({"key": "a//b"}, "key"), ({"key": ""}, "key"), ({"namespace": "none"}, "namespace"),
        ({"type": "float", "float_value": "NaN"}, "float_value"), ({"integer_value": ""}, "integer_value"),
        ({"type": "string", "string_value": "x" * 600_000}, "string_value"),
        ({"integer_value": "true"}, "integer_value"),
        ({"expires": "2020-01-01T00:00:00"}, "expires"), ({"expires": "soon"}, "expires"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("step", ["_preview", "_save"])
def test_bad_input_stays_in_the_form(site, direct, wrong, field, step):
    before = len(direct.proposed)
    page = site.post(reverse(ADD), NEW | wrong | {step: "1"})
    assert page.status_code == 200 and field in page.context["form"].errors
    assert "Nothing was saved" in text(page) and len(direct.proposed) == before
    assert (NEW | wrong)[field] in text(page)


def test_the_preview_shows_what_would_change_and_changes_nothing(site, direct):
    entry = put("a", {"port": 25, "host": "mail"})
    before = len(direct.proposed)
    page = preview(site, change_url(entry), json_value='{"host": "mail", "port": 587}', comment="TLS")
    shown = page.context["preview"]
    assert (shown.comparison.added, shown.comparison.removed) == (1, 1)
    assert [(one.name, one.old, one.new) for one in shown.attributes] == [("Comment", "", "TLS")]
    assert "<ins>587</ins>" in text(page) and len(direct.proposed) == before
    page = site.post(change_url(entry), fields(page) | {"_edit": "1"})
    assert '"port": 587' in fields(page)["json_value"] and len(direct.proposed) == before


def test_a_type_an_expiry_and_an_exposed_secret_are_told_before_saving(site, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    entry = put("s", "hush", type="secret")
    page = preview(site, change_url(entry), type="string", string_value="x", expires="2037-01-01T00:00")
    told = {one.name: (one.old, one.new) for one in page.context["preview"].attributes}
    assert told == {"Type": ("secret", "string"), "Expires": ("never", "2037-01-01 00:00:00 UTC")}
    assert "everybody who may read the namespace sees its value" in text(page) and "hush" not in text(page)


def test_an_expiry_is_set_kept_and_taken_away(site):
    save(site, reverse(ADD), **NEW, expires="2037-01-01T00:00")
    entry = ConfigEntry.objects.get()
    assert now("k").expires_at == "2037-01-01T00:00:00.000000Z"
    save(site, change_url(entry), integer_value="2")
    assert now("k").expires_at == "2037-01-01T00:00:00.000000Z"
    save(site, change_url(entry), expires="")
    assert now("k").expires_at is None
    services.put_entry("t", "shop", "k", 3, ttl_s=3600)
    exactly = now("k").expires_at
    save(site, change_url(entry), integer_value="4")
    assert now("k").expires_at == exactly


def test_pressing_save_twice_saves_once(site):
    entry = put("a", 1)
    page = preview(site, change_url(entry), integer_value="2")
    confirm(site, change_url(entry), page)
    assert "was saved as revision" in text(confirm(site, change_url(entry), page))
    assert now().version == 2
