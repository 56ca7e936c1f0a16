"""The first page: what is told to whom."""

import base64
import html
import json
import re
from datetime import timedelta

import pytest
from django.utils.timezone import now

from config_service.accounts import services as accounts
from config_service.accounts.commands import PutUser
from config_service.accounts.models import User
from config_service.backups import take_backup
from config_service.changesets import services as change_sets
from config_service.changesets.commands import RejectChangeSet
from config_service.changesets.drafting import Wanted
from config_service.entries import services
from config_service.entries.snapshots import SECRET
from config_service.proposing import propose
from consensus import services as consensus_services
from consensus.series import Point
from tests.service.conftest import group_view

DATA = "/admin/home.json"


@pytest.fixture
def points(monkeypatch):
    told = [Point(at, 5.0, 7.0, 1.5, None, 2) for at in (10.0, 20.0)]
    monkeypatch.setattr(consensus_services, "series", lambda after=0.0: [one for one in told if one.at > after])


@pytest.fixture
def ann(root):
    for namespace in ("shop", "bank"):
        services.put_namespace("t", namespace)
        services.put_entry("root", namespace, f"of-{namespace}", 1)
    accounts.put_user("t", PutUser(User().pk, "ann", "", is_staff=True))
    return User.objects.get(username="ann")


@pytest.fixture
def site(client, root, points):
    client.force_login(root)
    return client


def test_the_page_comes_with_its_data(site):
    page = site.get("/admin/").content.decode()
    held = re.search(r'<script id="home-data" type="application/json">(.*?)</script>', page, re.DOTALL)
    data = json.loads(held[1])
    assert data["health"]["headline"] == "Healthy" and "Healthy" in html.unescape(page)
    assert data["group"]["leader"] == "n2" and [node["node"] for node in data["nodes"]] == ["n1", "n2", "n3"]
    assert data["nodes"][0]["here"] and data["nodes"][1]["admin"] == "http://n2.example.com/admin/"
    assert len(data["series"]) == 2 and data["concerns"] == []


def test_only_the_new_numbers_are_told_again(site):
    answer = site.get(f"{DATA}?after=10.0")
    assert [point["at"] for point in answer.json()["series"]] == [20.0]
    assert "no-store" in answer["Cache-Control"]
    assert site.get(f"{DATA}?after=x").status_code == 400


def test_without_a_majority_it_says_so(site, group):
    group.view = group_view(leader="", leader_heard_ms=12_000)
    data = site.get(DATA).json()
    assert data["health"]["kind"] == "bad" and data["group"]["spare"] == -1 and data["group"]["stale_ms"] == 12_000
    assert data["banner"]["warning"] and site.get("/admin/banner.json").json() == data["banner"]
    group.view = group_view(running=False, leader="", leader_heard_ms=None, members=())
    assert site.get(DATA).json()["nodes"] == []


def test_a_node_that_has_diverged_warns_on_its_pages(site, group):
    group.view = group_view(diverged="its tables differ at revision 7")
    assert "n1, which has diverged" in site.get("/admin/").content.decode()
    assert site.get("/admin/banner.json").json()["warning"]


def test_the_latest_changes_are_those_of_namespaces_that_a_person_may_see(client, ann, points):
    accounts.put_grant("t", "view", "shop", user=ann.pk)
    client.force_login(ann)
    (change,) = client.get(DATA).json()["changes"]
    assert (change["namespace"], change["key"], change["what"], change["actor"]) == ("shop", "of-shop", "added", "root")
    assert client.get(change["url"]).status_code == 200


def test_changes_tell_what_was_done_and_no_value(site, ann, settings):
    settings.SECRET_KEYS = f"k1:{base64.b64encode(bytes(32)).decode()}"
    services.put_entry("ann", "shop", "of-shop", 2, comment="more")
    services.delete_entry("ann", "shop", "of-shop")
    services.put_entry("ann", "shop", "password", "hunter2hunter2", type=SECRET)
    answer = site.get(DATA)
    told = [(change["what"], change["key"], change["comment"]) for change in answer.json()["changes"]]
    assert told[:3] == [("added", "password", ""), ("deleted", "of-shop", ""), ("changed", "of-shop", "more")]
    assert "hunter2" not in answer.content.decode() and answer.json()["changes"][1]["url"] == ""


def test_tokens_that_expire_soon_are_told_to_those_who_may_see_tokens(site, client, root, ann):
    for name, days in (("soon", 3), ("later", 90), ("gone", -1)):
        made = accounts.create_token("t", name, root.pk, ["read:*"])
        accounts.change_token("t", made.id, name, root.pk, ["read:*"], now() + timedelta(days=days, minutes=5))
    (concern,) = site.get(DATA).json()["concerns"]
    assert concern["title"] == "Token soon expires in 3 days" and site.get(concern["url"]).status_code == 200
    client.force_login(ann)
    assert client.get(DATA).json()["concerns"] == []


def drafted(namespace: str, title: str):
    wanted = Wanted(operation="put", namespace=namespace, key=f"of-{namespace}", value=2)
    return change_sets.create("root", title, [wanted])


def titles(client) -> list[tuple[str, str]]:
    return [(one["kind"], one["title"]) for one in client.get(DATA).json()["concerns"]]


def test_change_sets_that_wait_for_approval_are_told_to_those_who_may_see_them(site, client, root, ann):
    services.put_namespace("t", "shop", requires_approval=True)
    for namespace in ("shop", "bank"):
        drafted(namespace, f"{namespace} prices")
    (told,) = site.get(DATA).json()["concerns"]
    assert (told["kind"], told["title"]) == ("info", "Change set “shop prices” waits for approval")
    assert "a second person has to" in told["detail"] and site.get(told["url"]).status_code == 200
    client.force_login(ann)
    assert titles(client) == []
    for verb in ("view", "publish"):
        accounts.put_grant("t", verb, "shop", user=ann.pk)
    (told,) = client.get(DATA).json()["concerns"]
    assert "you can approve it" in told["detail"]


def test_a_rejected_change_set_is_told_with_its_reason_after_worse_and_few_are_told(site, ann, direct):
    for number in range(7):
        made = drafted("shop", f"set {number}")
        made = change_sets.schedule("root", made, made.digest, now() + timedelta(hours=1))
        if number == 3:
            propose(RejectChangeSet(made.id, made.revision, "lost the permission"), "system")
    assert titles(site) == [("warn", "Change set “set 3” was rejected when it was due")]
    told = site.get(DATA).json()["concerns"][0]
    assert told["detail"] == "lost the permission" and site.get(told["url"]).status_code == 200
    services.put_namespace("t", "shop", requires_approval=True)
    found = titles(site)
    assert found[0][0] == "warn" and {kind for kind, _ in found[1:]} == {"info"}
    assert len(found) == 6 and found[-1][1] == "2 more change sets"


def test_an_old_snapshot_is_told_to_those_who_may_take_one(site, client, ann, settings):
    settings.SNAPSHOT_WARN_DAYS = 1e-9
    (told,) = site.get(DATA).json()["concerns"]
    assert told["title"].startswith("No snapshot of the group for 0 days") and "None is on record" in told["detail"]
    take_backup("root").image.close()
    assert "The last one was made" in site.get(DATA).json()["concerns"][0]["detail"]
    settings.SNAPSHOT_WARN_DAYS = 1
    assert titles(site) == []
    settings.SNAPSHOT_WARN_DAYS = 1e-9
    client.force_login(ann)
    assert titles(client) == []


def test_who_is_not_signed_in_is_told_nothing(client, root):
    for path in (DATA, "/admin/banner.json"):
        assert client.get(path).status_code == 302


def test_pages_may_only_load_what_the_node_serves(site):
    policy = site.get("/admin/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
