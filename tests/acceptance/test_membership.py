"""Nodes that come, go, catch up from an image, and are rebuilt, on a real group of their own."""

import json
import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from config_service.localgroup import group as groups
from config_service.localgroup.status import is_ready
from tests.support.browser import sign_in, submit
from tests.support.group import RealGroup
from tests.support.waiting import eventually

# So little log is kept that whoever was away needs an image.
LITTLE_LOG = {"LOG_KEEP_ENTRIES": "10", "LOG_KEEP_S": "0.1", "LOG_COMPACT_EVERY_S": "0.5"}


@pytest.fixture(scope="module")
def group() -> Iterator[RealGroup]:
    before = dict(os.environ)
    os.environ.update(LITTLE_LOG)
    made = RealGroup()
    try:
        made.up()
        yield made
    finally:
        made.close()
        os.environ.clear()
        os.environ.update(before)


def ask(group: RealGroup, *arguments: str, node: str = "") -> dict:
    """What ``manage.py group`` prints, asked of ``node`` or of the leader."""
    node = node or group.leader()
    os.environ["CONFIG_TOKEN"] = group.credentials["token"]
    done = group.run(node, "manage.py", "group", *arguments, "--json", "--server", group.url(node), timeout_s=150)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def follower(group: RealGroup) -> str:
    """Of the members: the folder also has nodes that were removed."""
    leader = group.leader()
    return next(node for node in group.members() if node != leader)


def test_nodes_come_go_and_catch_up(group: RealGroup) -> None:
    founders, leader = group.members(), group.leader()
    for i in range(40):
        assert group.put(leader, f"membership/{i}", i).status_code == 201
    for node in founders:
        eventually(lambda node=node: group.sql(node, "SELECT index FROM consensus_logbase")[0][0] > 50, 30, "trimmed")

    # A fourth node joins: the log does not reach back, so it gets an image, and becomes a voter.
    groups.add_node(group.layout, "n4", lambda step: None)
    eventually(lambda: ask(group, "status")["joining"], 20, "n4 asks to join")
    assert not is_ready(group.layout.nodes["n4"])
    joined = ask(group, "add", "n4")
    assert [member["node"] for member in joined["members"] if member["voter"]] == sorted([*founders, "n4"])
    assert joined["quorum_size"] == 3
    group.wait_level()
    assert group.get("n4", "membership/7").json()["value"] == 7

    # One that was away longer than the log reaches comes back by itself.
    away = follower(group)
    group.act("kill", away)
    leader = group.leader()
    for i in range(40, 80):
        assert group.put(leader, f"membership/{i}", i).status_code == 201
    last = group.sql(group.leader(), "SELECT index FROM consensus_appliedstate")[0][0]
    base = "SELECT index FROM consensus_logbase"
    eventually(lambda: group.sql(group.leader(), base)[0][0] > last - 15, 30, "the leader's log trimmed")
    group.act("start", away)
    group.wait_ready()
    group.wait_level()

    # A node goes, for good, and says so.
    gone = follower(group)
    left = ask(group, "remove", gone)
    assert group.put(group.leader(), "membership/after", 1).status_code == 201
    eventually(lambda: len(ask(group, "status")["members"]) == 3, 20, f"{gone} gone ({len(left['members'])} before)")
    eventually(lambda: not is_ready(group.layout.nodes[gone]), 20, f"{gone} not ready")


def test_a_node_is_added_and_removed_through_the_admin(browser: Browser, group: RealGroup) -> None:
    asked = group.leader()
    page = sign_in(browser, group, asked)
    groups.add_node(group.layout, "n5", lambda step: None)
    nodes = f"{group.url(asked)}/admin/consensus/member/"
    eventually(lambda: ask(group, "status", node=asked)["joining"], 20, "n5 asks to join")
    page.goto(nodes)
    submit(page, "a:has-text('Look ahead and add it')")
    submit(page, "#do")
    page.wait_for_selector(".ended:has-text('It belongs to the group')", timeout=60_000)
    assert next(m for m in ask(group, "status", node=asked)["members"] if m["node"] == "n5")["voter"]
    page.goto(f"{nodes}operate/remove/?node=n5")
    assert "the name n5 can never be used again" in page.inner_text("#plan").lower()
    submit(page, "#do")
    page.wait_for_selector(".ended:has-text('It belongs to the group no more')", timeout=60_000)
    assert "n5" not in [member["node"] for member in ask(group, "status", node=asked)["members"]]


def test_a_node_that_lost_its_database_is_refused_and_comes_back_as_another(group: RealGroup) -> None:
    """With its database it forgot what it promised, so the group does not let it be who it was (thesis, 11.7.3)."""
    leader = group.leader()
    lost = follower(group)
    assert group.rest(leader, "PUT", "switches/membership.kept", {"value": True}).status_code in (200, 201)
    for part in ("web", "worker"):
        group.act("kill", lost, part)
    group.sql(lost, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert group.run(lost, "manage.py", "migrate").returncode == 0
    group.act("start", lost)

    def refused() -> bool:
        answer = group.http.get(f"{group.url(lost)}/readyz")
        return answer.status_code == 503 and "with another database" in answer.json()["detail"]

    eventually(refused, 30, "it says why it is refused")
    assert group.sql(lost, "SELECT count(*) FROM entries_configentry") == [(0,)]
    assert group.put(leader, "membership/meanwhile", 1).status_code in (200, 201)

    groups.add_node(group.layout, "n6", lambda step: None)
    eventually(lambda: ask(group, "status")["joining"], 20, "n6 asks to join")
    ask(group, "remove", lost)
    members = ask(group, "add", "n6")["members"]
    voters = [member["node"] for member in members if member["voter"]]
    assert "n6" in voters and lost not in voters and len(voters) == 3
    eventually(lambda: group.get("n6", "membership/meanwhile").status_code == 200, 20, "n6 serves")
    assert group.rest("n6", "GET", "switches/membership.kept").json()["value"] is True
