"""The nodes of the group in the admin."""

import html

import pytest
from django.urls import reverse

from consensus import errors
from consensus.models import Member
from tests.service.conftest import group_view

URL = "/admin/consensus/member/"


@pytest.fixture
def site(client, root):
    client.force_login(root)
    return client


def act(site, action, *nodes):
    page = site.post(URL, {"action": action, "_selected_action": nodes}, follow=True)
    return html.unescape(page.content.decode())


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


def test_actions(site, group):
    assert "Draining n1" in act(site, "drain_selected", "n1")
    assert "Active again: n1" in act(site, "undrain_selected", "n1")
    assert "Leading now: n3" in act(site, "transfer_here", "n3")
    assert group.calls == [("drain", "n1", "root"), ("undrain", "n1", "root"), ("transfer", "n3")]


def test_refusals_are_shown(site, group):
    group.refusal = errors.Refused("too few nodes would be left")
    page = act(site, "drain_selected", "n1", "n2")
    assert "too few nodes would be left" in page and "Draining n2" in page
    group.refusal = errors.DeadlineExceeded("leadership has not moved in time")
    assert "leadership has not moved in time" in act(site, "transfer_here", "n3")
    assert "Select the one node" in act(site, "transfer_here", "n1", "n2")
