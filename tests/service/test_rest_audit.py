"""The audit trail over REST and in the admin."""

import pytest

from config_service.accounts import services as accounts
from config_service.accounts.commands import PutUser
from config_service.accounts.models import User
from config_service.audit.models import AuditRecord


@pytest.fixture
def auditor(api_for):
    return api_for("audit")


@pytest.fixture
def history(shop):
    for key in ("a", "b", "a", "c"):
        shop.put(f"namespaces/shop/entries/{key}", {"value": "very private"})
    shop.delete("namespaces/shop/entries/b")
    return shop


def actions(answer):
    return [(item["action"], item["targets"][0].get("key", "")) for item in answer.json()["items"]]


def test_it_can_be_asked_by_namespace_key_actor_and_revision(history, auditor):
    everything = auditor.get("audit").json()
    assert [item["position"] for item in everything["items"]] == list(range(1, len(everything["items"]) + 1))
    assert actions(auditor.get("audit?namespace=shop&key=b")) == [("entries.put", "b"), ("entries.delete", "b")]
    assert actions(auditor.get("audit?namespace=shop&action=entries.put&order=newest&limit=2")) == [
        ("entries.put", "c"), ("entries.put", "a")
    ]  # fmt: skip
    assert actions(auditor.get("audit?actor=root&namespace=other")) == []
    last = everything["items"][-1]["revision"]
    assert [item["revision"] for item in auditor.get(f"audit?since={last}").json()["items"]] == [last]
    assert auditor.get(f"audit?until={last - 1}&order=newest&limit=1").json()["items"][0]["revision"] < last
    assert "very private" not in auditor.get("audit").content.decode()


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_pages_follow_the_cursor(history, auditor, order):
    found, cursor = [], ""
    while cursor is not None:
        page = auditor.get(f"audit?namespace=shop&order={order}&limit=2{cursor and f'&cursor={cursor}'}").json()
        found += [item["revision"] for item in page["items"]]
        cursor = page["next"]
    assert len(found) == 6 and found == sorted(found, reverse=order == "newest")


@pytest.mark.parametrize(
    "query",
    ["key=a", "namespace=a b", "since=x", "order=random", "limit=0", "limit=1001", "cursor=-1", "who=root",
     "actor=a&actor=b", "namespace=shop&key=..", "actor=" + "x" * 151, "since=99999999999999999999"],
)  # fmt: skip
def test_a_bad_query_is_named(auditor, query):
    assert auditor.get(f"audit?{query}").status_code == 400


def test_it_needs_its_own_permission(api, client):
    answer = api.get("audit")
    assert (answer.status_code, answer.json()["missing"]) == (403, "audit")
    accounts.put_user("test", PutUser(User().pk, "ann", "", is_staff=True))
    client.force_login(User.objects.get(username="ann"))
    assert client.get("/api/v1/audit").json()["missing"] == "audit.view_auditrecord"
    assert client.get("/admin/audit/auditrecord/").status_code == 403


def test_the_admin_shows_it_and_cannot_change_it(history, client, root):
    client.force_login(root)
    page = client.get("/admin/audit/auditrecord/?q=root").content.decode()
    assert "entry shop/a" in page and "entries.delete" in page and "very private" not in page
    record = AuditRecord.objects.latest("revision")
    shown = client.get(f"/admin/audit/auditrecord/{record.pk}/change/").content.decode()
    assert bytes(record.digest).hex() in shown
    for url in ("add/", f"{record.pk}/delete/", f"{record.pk}/history/"):
        assert client.get(f"/admin/audit/auditrecord/{url}").status_code in (403, 404)
    assert client.post(f"/admin/audit/auditrecord/{record.pk}/change/", {"actor": "x"}).status_code == 403
