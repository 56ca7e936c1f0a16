"""The nodes of the group in the admin."""

import html
from dataclasses import replace

import pytest
from django.urls import reverse

from config_service.accounts import services as accounts
from config_service.accounts.commands import PutUser
from config_service.accounts.models import User
from consensus import errors
from consensus.load import Load
from consensus.models import Member
from consensus.status import JoiningStatus
from tests.service.conftest import group_view

URL = "/admin/consensus/member/"


@pytest.fixture
def site(client, root):
    client.force_login(root)
    return client


def text(page) -> str:
    return html.unescape(page.content.decode())


def act(site, action, *nodes):
    return text(site.post(URL, {"action": action, "_selected_action": nodes}, follow=True))


def operate(site, operation, *nodes):
    return text(site.post(f"{URL}operate/{operation}/", {"node": nodes}, follow=True))


def away(group, *nodes):
    """``nodes`` do not answer."""
    members = [replace(one, reachable=one.node not in nodes) for one in group.view.members]
    group.view = replace(group.view, members=tuple(members))


def test_the_list(site, group):
    page = site.get(URL).content.decode()
    for shown in ("n1", "n2", "n3", "leader", "follower", "this node", "0.0 s ago", "active"):
        assert shown in page
    Member.objects.create(node="n4")
    group.view = group_view(leader="", members=group.view.members[:1])
    page = site.get(URL).content.decode()
    assert "n4" in page and "never" in page and "unknown" in page


def test_it_is_read_only(site):
    assert site.get(reverse("admin:consensus_member_add")).status_code == 403
    assert site.post(reverse("admin:consensus_member_change", args=["n1"]), {"state": "drained"}).status_code == 403
    assert site.get(reverse("admin:consensus_member_delete", args=["n1"])).status_code == 403
    assert "delete_selected" not in site.get(URL).content.decode()


def test_an_action_leads_to_its_page_and_does_nothing_yet(site, group):
    for action, verb in (
        ("drain_selected", "Drain n1"),
        ("undrain_selected", "Undrain n1"),
        ("transfer_here", "Transfer leadership to n1"),
    ):
        page = act(site, action, "n1")
        assert verb in page and "Afterwards" in page
    assert "Drain n1, n3" in act(site, "drain_selected", "n1", "n3")
    assert group.calls == []


def test_looking_ahead_tells_the_quorum_before_and_after_and_who_will_lead(site):
    page = site.get(f"{URL}operate/drain/?node=n2")
    before, after = page.context["before"], page.context["after"]
    assert (before["leader"], before["spare"], before["answering"]) == ("n2", 1, 3)
    assert (after["leader"], after["spare"], after["answering"], after["quorum_size"]) == ("n3", 0, 2, 2)
    assert "No further node may fail meanwhile" in text(page)
    assert [choice["node"] for choice in page.context["choices"] if choice["chosen"]] == ["n2"]


def test_what_moves_is_counted(site, group):
    load = Load(watchers=12, requests=3)
    group.view = replace(group.view, members=tuple(replace(one, load=load) for one in group.view.members))
    page = site.get(f"{URL}operate/drain/?node=n1").content.decode()
    assert "<strong>12</strong> watchers and <strong>3</strong> requests" in page


def test_operations_are_done_and_then_watched(site, group):
    group.view = replace(group.view, joining=(JoiningStatus("n4", "redis://n4", "http://n4", 5),))
    assert "Safe to stop" in operate(site, "drain", "n1")
    operate(site, "undrain", "n1")
    operate(site, "transfer", "n3")
    operate(site, "add", "n4")
    operate(site, "remove", "n3")
    operate(site, "rebuild", "n1")
    assert group.calls == [
        ("drain", "n1", "root"), ("undrain", "n1", "root"), ("transfer", "n3"), ("add", "n4", "root", False),
        ("remove", "n3", "root"), ("rebuild", "n1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "nodes", "said"),
    [
        ("drain", ["n1", "n2"], "fewer than the 2 that a majority needs"),
        ("transfer", ["n1", "n3"], "choose one node"),
        ("add", ["n9"], "has not asked to join"),
        ("rebuild", ["n3"], "a node is rebuilt by itself: ask n3, at http://n3.example.com"),
    ],
)
def test_what_is_unsafe_is_refused_with_the_reason(site, group, operation, nodes, said):
    page = site.get(f"{URL}operate/{operation}/?" + "&".join(f"node={node}" for node in nodes))
    assert said in text(page) and "disabled" in text(page)
    assert said in operate(site, operation, *nodes)
    assert group.calls == []


def test_a_majority_is_never_drained_or_removed_away(site, group):
    away(group, "n3")
    assert "would leave 1 active" in operate(site, "drain", "n1")
    assert "only 1 answer" in operate(site, "remove", "n1")
    assert group.calls == []


def test_what_the_group_refuses_after_all_is_told(site, group):
    group.refusal = errors.Refused("too few nodes would be left")
    assert "Drain n1: Nothing was changed: too few nodes would be left" in operate(site, "drain", "n1")
    group.refusal = errors.DeadlineExceeded("leadership has not moved in time")
    assert "leadership has not moved in time" in operate(site, "transfer", "n3")
    assert group.calls == []


def test_progress_is_told_until_it_is_safe_to_stop(site, group):
    url = f"{URL}operate/drain/progress.json?node=n2"
    begun = site.get(url).json()
    assert not begun["done"] and not any(step["done"] for step in begun["nodes"][0]["steps"][:2])
    drained = [replace(one, state="drained") if one.node == "n2" else one for one in group.view.members]
    group.view = replace(group.view, leader="n3", members=tuple(drained))
    assert site.get(url).json()["done"]
    page = text(site.get(f"{URL}operate/drain/progress/?node=n2"))
    assert (
        "Undrain n2" in page and "http://n3.example.com/admin/consensus/member/operate/drain/progress/?node=n2" in page
    )


def test_each_refusal_names_the_missing_permission(client, root):
    accounts.put_user("t", PutUser(User().pk, "ann", "", is_staff=True, permissions=("consensus.view_member",)))
    client.force_login(User.objects.get(username="ann"))
    for page in ("", "progress/", "progress.json"):
        answer = client.get(f"{URL}operate/drain/{page}?node=n1")
        assert answer.status_code == 403 and "permission consensus.operate_group" in text(answer)
    assert client.post(f"{URL}operate/drain/", {"node": "n1"}).status_code == 403
    listed = text(client.get(URL))
    assert "n2" in listed and "operate/drain" not in listed


def test_an_operation_that_there_is_not(site):
    assert site.get(f"{URL}operate/explode/").status_code == 404


def test_who_asks_to_join_is_shown(site, group):
    group.view = replace(group.view, joining=(JoiningStatus("n4", "redis://n4", "http://n4", 5),))
    assert "n4 (http://n4) asks to join" in text(site.get(URL))
