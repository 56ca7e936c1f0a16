"""Somebody else was faster, something was refused, a session ended: nothing that was typed is lost."""

import pytest
from django.urls import reverse

from config_service.entries import services
from config_service.sealing.keys import new_key
from consensus import errors
from tests.service.conftest import group_view
from tests.service.entry_pages import ADD, NEW, change_url, confirm, fields, now, preview, put, text


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
