"""Namespaces and entries in the admin, as a person meets them."""

import html
import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.urls import reverse

from config_service.accounts import services as accounts
from config_service.accounts.commands import PutUser
from config_service.accounts.models import User
from config_service.console.editing.entry_admin import ConfigEntryAdmin
from config_service.entries import selectors, services
from config_service.entries.models import ConfigEntry, Namespace
from config_service.sealing.keys import new_key
from consensus import errors
from tests.service.conftest import group_view

ADD = "admin:entries_configentry_add"
LIST = "admin:entries_configentry_changelist"
NEW = {"namespace": "shop", "key": "k", "type": "integer", "integer_value": "1"}


@pytest.fixture
def site(client, root):
    client.force_login(root)
    services.put_namespace("t", "shop")
    return client


def person(client, name):
    """Somebody who may do nothing yet, signed in."""
    accounts.put_user("root", PutUser(User().pk, name, "", is_staff=True))
    user = User.objects.get(username=name)
    client.force_login(user)
    return user


def put(key="a", value=1, **more):
    services.put_entry("t", "shop", key, value, **more)
    return ConfigEntry.objects.get(namespace_id="shop", key=key)


def now(key="a"):
    return selectors.find_entry("shop", key)


def change_url(entry, what="change"):
    return reverse(f"admin:entries_configentry_{what}", args=[entry.pk])


def fields(page) -> dict[str, str]:
    """What the browser would send from the form as it is."""
    form = page.context["form"]
    sent = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    sent = {name: value for name, value in sent.items() if value is not False}
    return {name: re.sub("\r?\n", "\r\n", str(value)) for name, value in sent.items()}


def text(page) -> str:
    return html.unescape(page.content.decode())


def preview(site, url, **typed):
    """The page before saving."""
    page = site.post(url, fields(site.get(url)) | typed | {"_preview": "1"})
    assert page.status_code == 200
    return page


def confirm(site, url, page, **more):
    """What comes of pressing Save on ``page``."""
    sent = fields(page) | {"request_id": page.context["request_id"], "_save": "1"} | more
    return site.post(url, sent, follow=True)


def save(site, url, **typed):
    return confirm(site, url, preview(site, url, **typed))


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


def test_a_conflict_shows_three_versions_and_merges_them(site):
    entry = put("a", {"host": "a", "port": 25, "retries": 3})
    mine = fields(site.get(change_url(entry))) | {"json_value": '{"host": "a", "port": 587, "retries": 4}'}
    services.put_entry("ann", "shop", "a", {"host": "b", "port": 25, "retries": 5}, comment="theirs")
    page = site.post(change_url(entry), mine | {"_preview": "1"})
    ways = page.context["ways"]
    assert "ann has saved revision" in text(page) and ways.theirs.comment == "theirs"
    assert ways.base.revision == entry.revision and '"port": 25' in ways.base.text
    assert [(one.path, one.base, one.theirs, one.yours) for one in ways.questions] == [("/retries", "3", "5", "4")]
    assert ways.taken == ("/host",)
    assert now().value_json == '{"host":"b","port":25,"retries":5}'
    sent = fields(page) | {"mine": page.context["mine"], "choice:/retries": "theirs", "_merge": "1"}
    page = site.post(change_url(entry), sent)
    assert page.context["ways"].questions[0].chosen == "theirs"
    page = site.post(change_url(entry), fields(page) | {"_preview": "1"})
    confirm(site, change_url(entry), page)
    assert now().value_json == '{"host":"b","port":587,"retries":5}'


def test_a_conflict_while_saving_loses_nothing(site):
    entry = put("a", 1)
    page = preview(site, change_url(entry), integer_value="7", comment="mine")
    theirs = services.put_entry("ann", "shop", "a", 5).entry
    page = confirm(site, change_url(entry), page)
    assert page.context["ways"].theirs.text == "5" and now().value_json == "5"
    again = fields(page)
    assert (again["integer_value"], again["comment"], again["base_revision"]) == ("7", "mine", str(theirs.revision))
    page = site.post(change_url(entry), again | {"_preview": "1"})
    confirm(site, change_url(entry), page)
    assert (now().value_json, now().comment) == ("7", "mine")


def test_a_text_is_merged_by_lines(site):
    entry = put("a", "one\ntwo\nthree\n")
    mine = fields(site.get(change_url(entry))) | {"string_value": "one\ntwo\n3\n"}
    services.put_entry("ann", "shop", "a", "1\ntwo\nthree\n")
    page = site.post(change_url(entry), mine | {"_preview": "1"})
    assert page.context["ways"].is_automatic and fields(page)["string_value"] == "1\r\ntwo\r\n3\r\n"


def test_an_entry_that_exists_is_not_added_again(site):
    put("k", 9)
    page = site.post(reverse(ADD), NEW | {"_preview": "1"})
    assert "t has added an entry with this name" in text(page)
    page = site.post(reverse(ADD), fields(page) | {"_preview": "1"})
    assert now("k").value_json == "9"
    confirm(site, reverse(ADD), page)
    assert (now("k").value_json, now("k").version) == ("1", 2)


def test_an_entry_deleted_meanwhile_is_made_anew_only_on_purpose(site):
    entry = put("a", 1)
    mine = fields(site.get(change_url(entry))) | {"integer_value": "7"}
    services.delete_entry("ann", "shop", "a")
    page = site.post(change_url(entry), mine | {"_save": "1"})
    assert "ann has deleted this entry" in text(page) and now() is None
    page = site.post(change_url(entry), fields(page) | {"_preview": "1"})
    confirm(site, change_url(entry), page)
    assert now().value_json == "7"


def test_a_base_that_is_compacted_merges_nothing(site):
    entry = put("a", {"x": 1})
    mine = fields(site.get(change_url(entry))) | {"json_value": '{"x": 1, "y": 2}'}
    services.put_entry("ann", "shop", "a", {"x": 2})
    services.compact_history("t", 1, 0)
    page = site.post(change_url(entry), mine | {"_preview": "1"})
    assert page.context["ways"].base is None and "What it was before is compacted" in text(page)
    assert [one.path for one in page.context["ways"].questions] == [""]


def test_the_versions_of_a_secret_are_not_shown(site, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    entry = put("a", "first", type="secret")
    mine = fields(site.get(change_url(entry))) | {"secret_value": "second"}
    services.put_entry("ann", "shop", "a", "third", type="secret")
    page = site.post(change_url(entry), mine | {"_preview": "1"})
    assert "first" not in text(page) and "third" not in text(page)
    assert fields(page)["secret_value"] == "second" and "no-store" in page["Cache-Control"]
    page = site.post(change_url(entry), fields(page) | {"_preview": "1"})
    assert "The secret gets a new value" in text(page)
    confirm(site, change_url(entry), page)
    assert now().version == 3


def test_a_stored_secret_is_kept_unless_a_new_one_is_typed(site, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    entry = put("a", "hush", type="secret")
    page = site.get(change_url(entry))
    assert "hush" not in text(page) and fields(page)["secret_value"] == ""
    page = site.post(change_url(entry), fields(page) | {"_preview": "1"})
    assert "type its new value" in text(page)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (errors.NoLeader(), "Nothing was changed: this node cannot reach a leader"),
        (errors.Overloaded("x"), "too busy"),
        (errors.OutcomeUnknown("r-17"), "it may have happened"),
    ],
)
def test_what_was_typed_survives_a_refusal(site, direct, failure, said):
    page = preview(site, reverse(ADD), **NEW | {"integer_value": "17", "comment": "typed"})
    direct.failure = failure
    page = confirm(site, reverse(ADD), page)
    assert page.status_code == 200 and said in text(page)
    assert fields(page).items() >= {"integer_value": "17", "comment": "typed"}.items()
    assert "was added" in text(confirm(site, reverse(ADD), page)) and now("k").value_json == "17"


def test_without_a_majority_the_preview_says_that_writing_is_off(site, group):
    group.view = group_view(leader="", leader_heard_ms=12_000)
    assert "What you typed stays on this page" in text(preview(site, reverse(ADD), **NEW))


def test_what_was_typed_outlives_the_session(site, root, client):
    entry = put("a", 1)
    typed = fields(site.get(change_url(entry))) | {"integer_value": "17", "comment": "typed", "_save": "1"}
    client.logout()
    page = client.post(change_url(entry), typed)
    assert page.status_code == 200 and "Sign in again" in text(page)
    carried = dict(page.context["typed"])
    assert carried["integer_value"] == "17" and now().value_json == "1"
    page = client.post(change_url(entry), carried | {"signin-username": "root", "signin-password": "wrong"})
    assert "correct username and password" in text(page) and dict(page.context["typed"]) == carried
    page = client.post(change_url(entry), carried | {"signin-username": "root", "signin-password": "correct horse"})
    assert "You are signed in again" in text(page) and fields(page)["integer_value"] == "17"
    assert now().value_json == "1"
    assert client.get(change_url(entry)).status_code == 200


def test_a_page_of_an_earlier_session_is_shown_again_and_does_nothing(site, root, client):
    entry = put("a", 1)
    typed = fields(site.get(change_url(entry))) | {"integer_value": "17", "_save": "1", "csrfmiddlewaretoken": "x" * 64}
    client.handler.enforce_csrf_checks = True
    page = client.post(change_url(entry), typed)
    assert "from an earlier session" in text(page) and fields(page)["integer_value"] == "17"
    client.logout()
    signing_in = {"signin-username": "root", "signin-password": "correct horse"}
    page = client.post(change_url(entry), typed | signing_in)
    assert "Sign in again" in text(page) and "correct horse" not in text(page)
    assert client.get(change_url(entry)).status_code == 302, "nobody is signed in by a form without a token"
    assert client.post(change_url(entry, "delete"), {"post": "yes"}).status_code == 403
    assert now().value_json == "1"


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


def bulk(site, action, rows, **more):
    sent = {"action": action, "_selected_action": [row.pk for row in rows]}
    page = site.post(reverse(LIST), sent)
    sent = {"bulk_action": page.context["action"], "seen": page.context["seen"]} | more
    return site.post(reverse("admin:entries_configentry_bulk"), sent, follow=True)


def do(site, page, **more):
    sent = {"bulk_action": page.context["action"], "seen": page.context["seen"], "_confirm": "1"} | more
    return site.post(reverse("admin:entries_configentry_bulk"), sent, follow=True)


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
