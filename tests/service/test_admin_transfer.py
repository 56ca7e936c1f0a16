"""Files in the admin: away with some entries, and back with a preview."""

import json

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from config_service.accounts import services as accounts
from config_service.entries import selectors, services
from config_service.sealing.keys import new_key
from consensus import errors
from tests.service.entry_pages import LIST, now, person, put, text


def url(page, *args):
    return reverse(f"admin:entries_{page}", args=args)


def upload(name="shop.json", content='{"a": 1, "b": {"c": 2}}'):
    return SimpleUploadedFile(name, content.encode())


def confirm(site, page, **more):
    form = page.context["form"]
    sent = {
        "packed": page.context["packed"], "format": page.context["format"], "_confirm": "1",
        "seen_revision": page.context["plan"].revision, "mode": form["mode"].value(),
        "prefix": form["prefix"].value() or "", "comment": form["comment"].value() or "",
    }  # fmt: skip
    return site.post(url("namespace_import", "shop"), sent | more, follow=True)


def test_an_import_is_shown_first_and_done_as_shown(site, direct):
    put("a", 0), put("z", 9)
    sent = {"file": upload("x.yaml", "a: 1\nb: two\n"), "mode": "replace", "comment": "from a file"}
    before = len(direct.proposed)
    page = site.post(url("namespace_import", "shop"), sent)
    assert [(one.key, one.change) for one in page.context["changes"]] == [
        ("a", "changed"), ("b", "added"), ("z", "removed"),
    ]  # fmt: skip
    assert len(direct.proposed) == before
    page = confirm(site, page)
    assert "1 added, 1 changed, 1 removed" in text(page)
    assert (now("a").value_json, now("b").value_json, now("z")) == ("1", '"two"', None)
    assert now("b").comment == "from a file"


def test_an_import_is_refused_where_what_was_shown_holds_no_more(site):
    put("a", 0)
    page = site.post(url("namespace_import", "shop"), {"file": upload(), "mode": "merge"})
    put("a", 5)
    page = confirm(site, page)
    assert "Nothing was imported" in text(page) and "after what you were shown" in text(page)
    assert now("a").value_json == "5"
    confirm(site, page)
    assert now("a").value_json == "1"


def test_an_import_survives_a_refusal_and_a_text_can_be_pasted(site, direct):
    sent = {"text": '{"a": 1}', "format": "json", "mode": "merge"}
    page = site.post(url("namespace_import", "shop"), sent)
    direct.failure = errors.NoLeader()
    assert "Nothing was changed" in text(confirm(site, page)) and now("a") is None
    confirm(site, page)
    assert now("a").value_json == "1"


def test_a_bad_file_is_explained(site):
    for sent, said in (
        ({"mode": "merge"}, "choose a file"),
        ({"file": upload("x.txt"), "mode": "merge"}, "does not tell its format"),
        ({"text": "{}", "mode": "merge"}, "choose the format"),
        ({"file": upload(content="{"), "mode": "merge"}, "not JSON"),
        ({"file": upload(content='{"a b": 1}'), "mode": "merge"}, "a key is made of"),
        ({"packed": "AAAA", "format": "json", "mode": "merge"}, "did not come along whole"),
    ):
        page = site.post(url("namespace_import", "shop"), sent)
        assert page.status_code == 200 and said in text(page), said
    assert not selectors.list_entries("shop")[0]


def test_a_file_may_not_do_what_its_sender_may_not(site, client):
    put("z", 1)
    ann = person(client, "ann")
    accounts.put_grant("t", "view", "shop", user=ann.pk)
    assert client.get(url("namespace_import", "shop")).status_code == 403
    sent = {"file": upload(), "mode": "merge", "_confirm": "1", "seen_revision": "9"}
    assert client.post(url("namespace_import", "shop"), sent).status_code == 403
    assert client.get(url("namespace_export", "shop")).status_code == 200
    assert client.get(url("namespace_export", "other")).status_code == 403
    sent = {"format": "json", "secrets": "plain"}
    assert client.post(url("namespace_export", "shop"), sent).status_code == 403


def test_a_namespace_is_exported(site):
    put("a", 1), put("mail/b", "x")
    page = site.post(url("namespace_export", "shop"), {"format": "env", "secrets": "sealed", "prefix": "mail/"})
    assert page["Content-Disposition"] == 'attachment; filename="shop.env"' and b"x" in page.content
    page = site.post(url("namespace_export", "shop"), {"format": "json", "secrets": "sealed", "prefix": "a b"})
    assert "a prefix is made of" in text(page)


def test_chosen_entries_are_exported(site, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    rows = [put("a", 1), put("b", 2), put("s", "hush", type="secret")]
    sent = {"action": "export_selected", "_selected_action": [row.pk for row in (rows[0], rows[2])]}
    page = site.post(reverse(LIST), sent)
    assert page.context["keys"] == ["a", "s"]
    sent = {"_selected_action": page.context["ids"], "format": "json", "secrets": "sealed"}
    page = site.post(url("configentry_export"), sent)
    assert '"a"' in page.content.decode() and '"b"' not in page.content.decode()
    assert "hush" not in page.content.decode() and json.loads(page.content)
    page = site.post(url("configentry_export"), sent | {"secrets": "plain"})
    assert "hush" in page.content.decode() and "no-store" in page["Cache-Control"]


def test_a_file_holds_one_namespace(site):
    services.put_namespace("t", "other")
    rows = [put("a").pk]
    services.put_entry("t", "other", "a", 1)
    sent = {"_selected_action": [*rows, selectors.entry_id("other", "a")], "format": "json", "secrets": "sealed"}
    assert "entries of one namespace" in text(site.post(url("configentry_export"), sent, follow=True))
