"""The group and the node's health over HTTP."""

from dataclasses import replace

import pytest
from django.db import OperationalError

from config_service.entries import selectors
from consensus import errors
from tests.service.conftest import group_view


def test_the_group(api, group):
    answer = api.get("group")
    body = answer.json()
    assert body["leader"] == "n2" and body["quorum_size"] == 2 and body["failures_survivable"] == 1
    assert {"group", "term", "commit_index", "applied_index", "members"} <= body.keys()
    assert body["members"][1] == {
        "node": "n2", "role": "leader", "address": "http://n2.example.com", "lag": 0, "state": "active", "term": 3,
        "commit_index": 9, "applied_index": 9, "heard_ms": 40, "reachable": True, "halted": "",
        "voter": True, "image": None,
    }  # fmt: skip
    assert answer.headers["Config-Consistency"] == "stale"
    assert (body["group_id"], body["waits_for"]) == (None, None)
    group.view = group_view(group_id="00c0ffee00000", waits_for="it is waited for")
    body = api.get("group").json()
    assert (body["group_id"], body["waits_for"]) == ("00c0ffee00000", "it is waited for")
    group.view = group_view(leader="", leader_heard_ms=None, members=())
    assert api.get("group").json()["leader"] is None


def test_operations(api, group):
    assert api.post("group/nodes/n1/drain").status_code == 200
    assert api.post("group/nodes/n1/undrain", {}).status_code == 200
    assert api.post("group/nodes/n1/rebuild").status_code == 200
    assert api.post("group/transfer-leadership", {"to": "n3"}).status_code == 200
    assert api.post("group/transfer-leadership").status_code == 200
    assert group.calls == [
        ("drain", "n1", "root"),
        ("undrain", "n1", "root"),
        ("rebuild", "n1"),
        ("transfer", "n3"),
        ("transfer", None),
    ]


def test_nodes_come_and_go(api, group):
    assert api.post("group/nodes", {"node": "n4"}).status_code == 200
    assert api.post("group/nodes", {"node": "n5", "learner": True}).status_code == 200
    assert api.delete("group/nodes/n3").status_code == 200
    assert group.calls == [("add", "n4", "root", False), ("add", "n5", "root", True), ("remove", "n3", "root")]


def test_nodes_that_cannot_come_or_go(api, group):
    assert api.post("group/nodes", {}).json()["errors"] == {"node": ["required"]}
    assert api.post("group/nodes", {"node": 4}).status_code == 400
    assert api.delete("group/nodes/n9").status_code == 404
    group.refusal = errors.Refused("n4 has not asked to join")
    refused = api.post("group/nodes", {"node": "n4"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "n4 has not asked to join")
    assert group.calls == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"admitted": False}, "waits for the others"),
        ({"outside": True}, "does not belong"),
        ({"outside": True, "waits_for": "n3 names n1, n3"}, "there is no group yet: n3 names n1, n3"),
    ],
)
def test_readyz_of_a_node_that_may_not_act(client, group, changes, reason):
    group.view = group_view(**changes)
    answer = client.get("/readyz")
    assert answer.status_code == 503 and reason in answer.json()["detail"]


def test_operations_that_cannot_be(api, group):
    assert api.post("group/nodes/n9/drain").status_code == 404
    assert api.post("group/transfer-leadership", {"to": "n9"}).status_code == 400
    assert api.post("group/transfer-leadership", {"to": 3}).status_code == 400
    assert api.post("group/nodes/n1/drain", {"force": True}).json()["errors"] == {"force": ["unknown field"]}
    group.refusal = errors.Refused("too few nodes would be left")
    refused = api.post("group/nodes/n1/drain")
    assert (refused.status_code, refused.json()["detail"]) == (409, "too few nodes would be left")
    group.refusal = errors.NoLeader()
    assert api.post("group/transfer-leadership").status_code == 503
    assert api.get("group/nodes/n1/drain").status_code == 405
    assert group.calls == []


def test_healthz(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def _with_own(**changes):
    view = group_view()
    own, *others = view.members
    return replace(view, members=(replace(own, **changes), *others))


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (group_view(running=False), "does not run"),
        (group_view(members=()), "does not run"),
        (group_view(running=False, stopped="another database"), "has stopped: another database"),
        (group_view(leader=""), "leader"),
        (group_view(leader_heard_ms=2500), "leader"),
        (group_view(leader_heard_ms=None), "leader"),
        (_with_own(state="draining"), "draining"),
        (_with_own(state="drained"), "drained"),
        (_with_own(lag=5000), "5000 revisions behind"),
        (_with_own(halted="unknown command"), "unknown command"),
        (replace(_with_own(state="diverged"), diverged="at 7 its tables differ"), "diverged: at 7"),
    ],
)
def test_readyz_says_why_not(client, direct, group, view, reason):
    assert client.get("/readyz").status_code == 200
    group.view = view
    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert reason in answer.json()["detail"]
    assert client.get("/healthz").status_code == 200


def test_readyz_without_a_database(client, direct, monkeypatch):
    def away():
        raise OperationalError

    monkeypatch.setattr(selectors, "applied_revision", away)
    assert "database" in client.get("/readyz").json()["detail"]


def test_a_diverged_node_refuses_reads_and_says_so(api, direct, group):
    api.put("namespaces/shop", {})
    api.put("namespaces/shop/entries/k", {"value": 1})
    group.view = replace(_with_own(state="diverged"), diverged="at 7 its tables differ")
    for path in ("namespaces/shop/entries/k", "namespaces/shop/entries/", "namespaces/shop/entries/k/history"):
        refused = api.get(f"{path}?consistency=stale")
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:config-service:problem:diverged"), path
        assert "at 7 its tables differ" in refused.json()["detail"] and refused.headers["Retry-After"]
    assert api.get("group").status_code == 200
