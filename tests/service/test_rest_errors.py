"""Every way a request can fail over HTTP, and what it says."""

import logging
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client as WebClient
from django.utils import timezone

from config_service.accounts import services as accounts
from config_service.accounts.commands import PutUser
from config_service.entries import selectors
from consensus import errors, reads
from consensus.conf import get_config
from tests.service.conftest import Api, group_view

A = "namespaces/shop/entries/a"
PROBLEM = "application/problem+json"


def test_without_a_token(direct):
    for path in (A, "namespaces/", "group", "requests/x"):
        answer = Api().get(path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (401, PROBLEM)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.headers["Config-Node"] == "n1" and answer.headers["Config-Revision"]


@pytest.mark.parametrize("token", ["x", "é", "cfg_" + "0" * 43, "a b"])
def test_with_a_wrong_token(direct, token):
    assert Api(token).get("group").status_code == 401


def test_a_token_that_has_run_out_or_whose_user_may_not_sign_in(root, api):
    over = accounts.create_token("t", "t", root.pk, ["read:*"])
    accounts.change_token("t", over.id, "t", root.pk, ["read:*"], timezone.now() - timedelta(seconds=1))
    assert Api(over.plain).get("group").status_code == 401
    assert api.get("group").status_code == 200
    accounts.create_superuser("t", "other", "correct horse")
    accounts.put_user("t", PutUser(root.pk, "root", "", is_active=False))
    assert api.get("group").status_code == 401


@pytest.mark.parametrize(("change", "status"), [("revoked", 401), ("narrowed", 403)])
def test_a_read_sees_what_was_revoked_before_it_began_though_its_node_hears_of_it_by_that_read(
    root, shop, direct, monkeypatch, change, status
):
    made = accounts.create_token("t", "t", root.pk, ["read:shop"])
    caught_up = direct.read_index

    def catch_up(deadline_s=None):
        monkeypatch.setattr(direct, "read_index", caught_up)
        if change == "revoked":
            accounts.delete_token("t", made.id)
        else:
            accounts.change_token("t", made.id, "t", root.pk, ["read:other"], None)
        return caught_up(deadline_s)

    assert Api(made.plain).get("namespaces/shop/entries/").status_code == 200
    monkeypatch.setattr(direct, "read_index", catch_up)
    assert Api(made.plain).get("namespaces/shop/entries/").status_code == status


@pytest.mark.parametrize("method", ["get", "put"])
def test_whoever_lacks_a_permission_and_has_been_revoked_hears_of_the_latter(root, shop, direct, monkeypatch, method):
    made = accounts.create_token("t", "t", root.pk, ["read:other"])
    caught_up = direct.read_index

    def catch_up(deadline_s=None):
        monkeypatch.setattr(direct, "read_index", caught_up)
        accounts.delete_token("t", made.id)
        return caught_up(deadline_s)

    monkeypatch.setattr(direct, "read_index", catch_up)
    body = {} if method == "get" else {"body": {"value": 1}}
    assert getattr(Api(made.plain), method)(A, **body).status_code == 401


@pytest.mark.parametrize(
    ("scopes", "may", "may_not"),
    [
        (["read:shop"], ["get"], ["put", "delete", "get other", "drain", "put namespace"]),
        (["write:shop"], ["put", "delete"], ["get", "drain", "get other"]),
        (["read:*"], ["get", "get other"], ["put", "delete", "drain"]),
        (["operate"], ["drain", "group"], ["get", "put"]),
        (["read:other"], ["get other", "group"], ["get"]),
    ],
)
def test_scopes(shop, api_for, scopes, may, may_not):
    shop.put("namespaces/other", {})
    shop.put("namespaces/other/entries/a", {"value": 1})
    shop.put(A, {"value": 1})
    limited = api_for(*scopes)
    requests = {
        "get": lambda: limited.get(A),
        "get other": lambda: limited.get("namespaces/other/entries/a"),
        "put": lambda: limited.put(A, {"value": 2}),
        "delete": lambda: limited.delete(A),
        "put namespace": lambda: limited.put("namespaces/shop", {}),
        "drain": lambda: limited.post("group/nodes/n1/drain"),
        "group": lambda: limited.get("group"),
    }
    for name in may:
        assert requests[name]().status_code in (200, 204), name
    for name in may_not:
        answer = requests[name]()
        assert answer.status_code == 403, name
        assert answer.json()["missing"] in answer.json()["detail"]


def test_a_list_of_namespaces_holds_only_what_may_be_read(shop, api_for):
    shop.put("namespaces/other", {})
    found = api_for("read:other", "write:shop").get("namespaces/").json()
    assert [item["name"] for item in found["items"]] == ["other"]


def test_a_person_with_a_session(shop, root):
    accounts.put_group("t", "readers", ("entries.view_configentry",))
    accounts.put_user("t", PutUser(uuid4(), "ann", root.password, groups=("readers",)))
    shop.put(A, {"value": 1})
    browser = WebClient(enforce_csrf_checks=True)
    assert browser.login(username="ann", password="correct horse")
    assert browser.get("/api/v1/" + A, headers={"Accept": "text/html"}).json()["value"] == 1
    put = {"data": {"value": 2}, "content_type": "application/json"}
    assert "CSRF" in browser.put("/api/v1/" + A, **put).json()["detail"]
    browser = WebClient()
    browser.login(username="ann", password="correct horse")
    refused = browser.put("/api/v1/" + A, **put)
    assert (refused.status_code, refused.json()["missing"]) == (403, "entries.add_configentry")
    assert browser.post("/api/v1/group/nodes/n1/drain").json()["missing"] == "consensus.operate_group"
    browser.login(username="root", password="correct horse")
    assert browser.put("/api/v1/" + A, **put).json()["updated_by"] == "root"


@pytest.mark.parametrize("path", ["", "nothing", "namespaces", "namespaces/shop/", "namespaces/shop/entries", "group/"])
@pytest.mark.parametrize("method", ["get", "put", "post", "delete", "patch", "options"])
def test_unknown_paths(api, path, method):
    answer = getattr(api.web, method)("/api/v1/" + path, headers=api.headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)


def test_a_value_may_be_nested_as_deep_whatever_it_comes_in(shop):
    def nested(levels):
        return {"a": nested(levels - 1)} if levels else 1

    assert shop.put(A, {"value": nested(64)}).status_code == 201
    put = {"op": "put", "namespace": "shop", "key": "b"}
    assert shop.post("transactions", {"then": [put | {"value": nested(64)}]}).status_code == 200
    deeper = shop.put(A, {"value": nested(65)})
    assert deeper.status_code == 400 and "deeper than 64 levels" in deeper.json()["detail"]
    assert shop.post("transactions", {"then": [put | {"value": nested(65)}]}).status_code == 400
    assert shop.get(A).json()["version"] == 1


def test_what_is_wrong_with_a_field_is_said_in_words(shop):
    answer = shop.put(A, {"value": 1, "ttl_s": "soon", "comment": 5})
    assert answer.json()["errors"] == {"ttl_s": ["must be a whole number"], "comment": ["must be a string"]}
    long = shop.get(f"namespaces/shop/entries/?prefix={'a' * 513}")
    assert long.status_code == 400 and "512" in long.json()["detail"]


def test_methods_and_media_types(shop):
    answer = shop.post(A, {"value": 1})
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, PROBLEM)
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        answer = shop.web.put("/api/v1/" + A, data="{}", content_type=media_type, headers=shop.headers)
        assert (answer.status_code, answer.headers["Content-Type"]) == (415, PROBLEM)


FAILURES = [
    (errors.NoLeader(retry_after_s=1.5), 503, "no-leader", {"retry_after_s": 1.5}, "2"),
    (errors.Overloaded("busy"), 503, "overloaded", {"retry_after_s": 0.5}, "1"),
    (errors.OutcomeUnknown("r7"), 504, "outcome-unknown", {"request_id": "r7"}, None),
    (errors.RequestConflict("r7"), 422, "request-conflict", {"request_id": "r7"}, None),
    (errors.DeadlineExceeded("late"), 504, "deadline-exceeded", {}, None),
]


@pytest.mark.parametrize(("failure", "status", "code", "more", "retry_after"), FAILURES)
def test_what_the_group_may_answer(shop, direct, failure, status, code, more, retry_after):
    direct.failure = failure
    answer = shop.put(A, {"value": 1})
    assert answer.status_code == status
    assert answer.json()["type"] == f"urn:config-service:problem:{code}"
    assert more.items() <= answer.json().items()
    assert answer.headers.get("Retry-After") == retry_after
    assert answer.headers.get("Request-Id") == more.get("request_id")


def test_no_majority_stops_linearizable_reads_but_not_stale_ones(shop, direct, group):
    shop.put(A, {"value": 1})
    group.view = group_view(leader="", leader_heard_ms=7000)
    direct.failure = errors.NoLeader()
    answer = shop.get(A)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    direct.failure = errors.NoLeader()
    answer = shop.get(A + "?consistency=stale")
    assert (answer.status_code, answer.headers["Config-Age-Ms"]) == (200, "7000")


def test_min_revision_that_does_not_come(shop, direct, monkeypatch):
    monkeypatch.setattr(reads, "get_config", lambda: replace(get_config(), deadline_s=0.05))

    def never(index, deadline_s=None):
        raise errors.DeadlineExceeded("this node has not applied it in time")

    direct.wait_applied = never
    assert shop.get(A + "?consistency=stale&min_revision=999").status_code == 504


@pytest.mark.parametrize("failure", [OperationalError("gone"), InterfaceError("gone")])
def test_a_database_that_is_away(shop, monkeypatch, failure):
    def away(*args):
        raise failure

    monkeypatch.setattr(selectors, "applied_revision", away)
    monkeypatch.setattr(selectors, "get_entry", away)
    answer = shop.get(A)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, PROBLEM)
    assert answer.headers["Retry-After"] == "1"
    monkeypatch.setattr("config_service.accounts.selectors.accounts_revision", away)
    answer = shop.get(A)
    assert (answer.status_code, answer.headers["Config-Revision"]) == (503, "9")


def test_a_fault_of_ours_is_a_problem_too(shop, monkeypatch, caplog):
    monkeypatch.setattr(selectors, "get_entry", lambda *args: 1 / 0)
    with caplog.at_level(logging.CRITICAL):
        answer = shop.get(A)
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, PROBLEM)
    assert "division" not in answer.content.decode()


@pytest.mark.parametrize("ending", ["history", "rollback", "reveal"])
def test_what_lies_below_an_entry_is_no_key_on_any_way_in(shop, direct, ending):
    path, key, before = f"namespaces/shop/entries/a/{ending}", f"a/{ending}", direct.applied
    put = {"op": "put", "namespace": "shop", "key": key, "value": 1}
    answers = [
        shop.put(path, {"value": 1}),
        shop.delete(path),
        shop.post("transactions", {"then": [put]}),
        shop.post("namespaces/shop/import?format=json", {key: 1}),
        *([] if ending == "history" else [shop.get(path)]),
    ]
    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert all("a key does not end in" in answer.json()["detail"] for answer in answers)
    assert direct.applied == before
