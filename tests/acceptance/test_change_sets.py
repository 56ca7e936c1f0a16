"""Change sets in a real group: two people on different nodes, and publishing at a time while the leader dies."""

import json
import os
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.group import RealGroup
from tests.support.waiting import eventually

SCHEDULED = 20


class Person:
    """A user with grants in one namespace and a token; at any node."""

    def __init__(self, group: RealGroup, namespace: str, *verbs: str) -> None:
        self.group = group
        self.name = f"{verbs[-1]}-{uuid.uuid4().hex[:6]}"
        node = group.nodes[0]
        assert group.rest(node, "PUT", f"users/{self.name}", {"password": "correct horse"}).status_code == 201
        for verb in verbs:
            grant = {"verb": verb, "namespace": namespace, "user": self.name}
            assert group.rest(node, "POST", "grants/", grant).status_code == 201
        scopes = ["read:*", "write:*", "publish:*"]
        made = group.rest(node, "POST", "tokens/", {"name": self.name, "user": self.name, "scopes": scopes})
        assert made.status_code == 201
        self.token = made.json()["token"]
        for other in group.nodes:
            eventually(lambda other=other: self.ask(other, "GET", "namespaces/").status_code == 200, 20, "the token")

    def ask(self, node: str, method: str, path: str, body: object = None):
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.group.http.request(method, f"{self.group.url(node)}/api/v1/{path}", json=body, headers=headers)

    def config(self, node: str, *argv: str, expect: int = 0) -> str:
        """``manage.py config changeset`` by this person at ``node``: its stdout, or stderr where it is to fail."""
        os.environ["CONFIG_TOKEN"] = self.token
        done = self.group.run(node, "manage.py", "config", "changeset", *argv, "--server", self.group.url(node))
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stderr if expect else done.stdout


@pytest.fixture
def namespace(group: RealGroup) -> str:
    name = f"sets-{uuid.uuid4().hex[:6]}"
    assert group.rest(group.nodes[0], "PUT", f"namespaces/{name}", {"requires_approval": False}).status_code == 201
    return name


def _put(group: RealGroup, node: str, namespace: str, key: str, value: object):
    return group.rest(node, "PUT", f"namespaces/{namespace}/entries/{key}", {"value": value})


def test_a_second_person_approves_what_they_were_shown(group: RealGroup, namespace: str) -> None:
    first, second, third = group.nodes
    assert _put(group, first, namespace, "price", 10).status_code == 201
    ann = Person(group, namespace, "view", "publish", "change")
    bob = Person(group, namespace, "view", "publish")
    assert group.rest(first, "PUT", f"namespaces/{namespace}", {"requires_approval": True}).status_code == 200
    for node in group.nodes:
        refused = ann.ask(node, "PUT", f"namespaces/{namespace}/entries/price", {"value": 11})
        assert refused.status_code == 409 and refused.json()["type"].endswith("approval-required")

    made = json.loads(
        ann.config(second, "create", "--title", "May", "--put", f"{namespace}/price=12",
                   "--put", f"{namespace}/note=new", "--json")
    )  # fmt: skip
    id, digest = str(made["id"]), made["digest"]
    assert "second person" in ann.config(third, "diff", id)
    assert "another person must" in ann.config(third, "approve", id, digest, expect=1)
    assert ann.ask(first, "POST", f"changesets/{id}/publish", {"digest": digest}).status_code == 409

    # Approved at one node, edited at another: what was approved is not what would be published.
    assert bob.ask(third, "POST", f"changesets/{id}/approve", {"digest": digest}).json()["state"] == "approved"
    edits = [{"op": "put", "namespace": namespace, "key": "price", "value": 13}]
    edited = ann.ask(first, "PUT", f"changesets/{id}", {"title": "May", "edits": edits})
    assert edited.status_code == 200 and edited.json()["state"] == "draft"
    assert "look at them again" in bob.config(second, "approve", id, digest, expect=1)
    digest = edited.json()["digest"]
    assert "is approved" in bob.config(second, "approve", id, digest[:8])
    assert "is published" in ann.config(third, "publish", id, digest)

    rows = group.wait_level()
    assert rows[namespace, "price"][0] == "13" and (namespace, "note") not in rows
    assert "published already" in ann.config(first, "publish", id, digest, expect=1)
    actions = [item["action"] for item in _audit(group, first) if any(t.get("id") == id for t in item["targets"])]
    assert actions[::-1] == [
        "changesets.create", "changesets.approve", "changesets.edit", "changesets.approve", "changesets.publish",
    ]  # fmt: skip


def test_what_is_due_while_the_leader_dies_is_published_exactly_once(group: RealGroup, namespace: str) -> None:
    leader = group.leader()
    survivor = group.follower()
    drafts = []
    for number in range(SCHEDULED):
        key = f"k{number:02}"
        assert _put(group, survivor, namespace, key, "before").status_code == 201
        edit = {"op": "put", "namespace": namespace, "key": key, "value": "after"}
        made = group.rest(survivor, "POST", "changesets/", {"title": key, "edits": [edit]})
        assert made.status_code == 201
        drafts.append(made.json())
    # One of them is overtaken: it has to be rejected, once, whoever leads.
    assert _put(group, survivor, namespace, "k19", "overtaken").status_code == 200

    first_at = datetime.now(UTC) + timedelta(seconds=8)
    for number, draft in enumerate(drafts[:-1]):
        at = (first_at + timedelta(milliseconds=250 * number)).isoformat()
        body = {"digest": draft["digest"], "publish_at": at}
        answer = group.rest(survivor, "POST", f"changesets/{draft['id']}/schedule", body)
        assert answer.status_code == 200, answer.text
    body = {"digest": drafts[-1]["digest"], "publish_at": (first_at + timedelta(seconds=5)).isoformat()}
    assert group.rest(survivor, "POST", f"changesets/{drafts[-1]['id']}/schedule", body).status_code == 409

    def states(node: str) -> list[str]:
        found = group.rest(node, "GET", f"changesets/?namespace={namespace}&limit=100&consistency=stale").json()[
            "items"
        ]
        return [item["state"] for item in reversed(found)]

    eventually(lambda: "published" in states(survivor), 40, "the first is published")
    group.act("kill", leader)
    eventually(lambda: states(survivor)[:-1] == ["published"] * (SCHEDULED - 1), 60, "all are published")
    group.act("start", leader)
    group.wait_ready()
    rows = group.wait_level()
    for node in group.nodes:
        eventually(lambda node=node: states(node)[:-1] == ["published"] * (SCHEDULED - 1), 20, f"the same on {node}")
    for number in range(SCHEDULED - 1):
        key = f"k{number:02}"
        history = group.rest(survivor, "GET", f"namespaces/{namespace}/entries/{key}/history").json()["items"]
        assert [item["value"] for item in history] == ["after", "before"], key
        assert rows[namespace, key] == ('"after"', history[0]["revision"])
        assert (
            history[0]["actor"] == history[1]["actor"] and f"change set {drafts[number]['id']}" in history[0]["comment"]
        )
    assert rows[namespace, "k19"][0] == '"overtaken"'
    published = [item for item in _audit(group, survivor) if item["action"] == "changesets.publish"]
    ids = [target["id"] for item in published for target in item["targets"] if target["kind"] == "change_set"]
    mine = {str(draft["id"]) for draft in drafts[:-1]}
    assert sorted(id for id in ids if id in mine) == sorted(mine), "each once on the record"


def test_what_cannot_be_done_when_it_is_due_is_rejected_everywhere(group: RealGroup, namespace: str) -> None:
    node = group.follower()
    assert _put(group, node, namespace, "a", 1).status_code == 201
    pia = Person(group, namespace, "view", "change", "publish")
    made = {}
    for name in ("overtaken", "permission"):
        edit = {"op": "put", "namespace": namespace, "key": name, "value": 1}
        draft = pia.ask(node, "POST", "changesets/", {"title": name, "edits": [edit]}).json()
        at = (datetime.now(UTC) + timedelta(seconds=6)).isoformat()
        scheduled = pia.ask(node, "POST", f"changesets/{draft['id']}/schedule", {"digest": draft["digest"],
                                                                                 "publish_at": at})  # fmt: skip
        assert scheduled.status_code == 200, scheduled.text
        made[name] = draft["id"]
        if name == "overtaken":
            assert _put(group, node, namespace, name, 7).status_code == 201
            done = eventually(lambda: _closed(group, node, made["overtaken"]), 30, "rejected")
            assert done["state"] == "rejected" and "exists already" in done["reason"]
    grants = group.rest(node, "GET", "grants/").json()["items"]
    (grant,) = [one["id"] for one in grants if one["user"] == pia.name and one["verb"] == "publish"]
    assert group.rest(node, "DELETE", f"grants/{grant}").status_code == 204
    done = eventually(lambda: _closed(group, node, made["permission"]), 30, "rejected")
    assert done["state"] == "rejected" and "accounts.publish_namespace" in done["reason"]
    rows = group.wait_level()
    assert rows[namespace, "overtaken"][0] == "7" and (namespace, "permission") not in rows


def _closed(group: RealGroup, node: str, id: int) -> dict | None:
    found = group.rest(node, "GET", f"changesets/{id}").json()
    return found if found["state"] in ("published", "rejected") else None


def _audit(group: RealGroup, node: str) -> list[dict]:
    """The newest thousand records, newest first."""
    return group.rest(node, "GET", "audit?order=newest&limit=1000").json()["items"]
