"""What people do with a healthy group: write here and read there, retry, drain, transfer, look at it."""

import json
import os
import re
import uuid

import httpx
import redis

from consensus import keys
from tests.support.group import RealGroup
from tests.support.waiting import eventually


def unique(name: str) -> str:
    return f"{name}/{uuid.uuid4().hex[:8]}"


def test_written_on_one_node_read_on_every_other(group: RealGroup) -> None:
    key = unique("everywhere")
    for i, writer in enumerate(group.nodes):
        written = group.put(writer, key, i)
        assert written.status_code == (201 if i == 0 else 200)
        for reader in group.nodes:
            read = group.get(reader, key)
            assert read.json()["value"] == i and read.headers["etag"] == written.headers["etag"]
            assert (read.headers["config-node"], read.headers["config-consistency"]) == (reader, "linearizable")


def test_all_nodes_are_of_one_group_and_wrote_down_which(group: RealGroup) -> None:
    ids = {group.rest(node, "GET", "group").json()["group_id"] for node in group.nodes}
    ids |= {group.sql(node, "SELECT group_id FROM consensus_hardstate")[0][0] for node in group.nodes}
    assert len(ids) == 1 and ids.pop()
    assert all(not group.sql(node, "SELECT 1 FROM consensus_register WHERE name = 'group'") for node in group.nodes)


def test_conditions_hold_across_nodes(group: RealGroup) -> None:
    one, two, three = group.nodes
    key = unique("conditions")
    first = group.put(one, key, 1, If_None_Match="*").headers["etag"]
    assert group.put(two, key, 2, If_None_Match="*").status_code == 412
    assert group.put(two, key, 2, If_Match=first).status_code == 200
    lost = group.put(three, key, 3, If_Match=first)
    assert lost.status_code == 412 and lost.json()["current_revision"] > int(first.strip('"'))
    path = f"namespaces/storefront/entries/{key}"
    assert group.rest(one, "GET", path, If_None_Match=group.get(three, key).headers["etag"]).status_code == 304
    assert group.rest(one, "DELETE", path, If_Match=first).status_code == 412
    assert group.rest(one, "DELETE", path).status_code == 204
    assert group.get(two, key).status_code == 404


def test_a_node_waits_for_the_revision_that_is_asked_for(group: RealGroup) -> None:
    one, two, _ = group.nodes
    key = unique("min-revision")
    revision = group.put(one, key, 1).json()["revision"]
    assert group.get(two, key, f"?consistency=stale&min_revision={revision}").json()["value"] == 1
    assert group.get(two, key, f"?consistency=stale&min_revision={revision + 10_000}").status_code == 504


def test_a_retry_gets_the_first_answer_through_any_node_and_any_leader(group: RealGroup) -> None:
    key, idempotency_key = unique("retry"), uuid.uuid4().hex
    first = group.put(group.nodes[0], key, 1, Idempotency_Key=idempotency_key)
    assert first.status_code == 201
    for node in group.nodes:
        again = group.put(node, key, 1, Idempotency_Key=idempotency_key)
        assert (again.status_code, again.content) == (201, first.content)
        assert group.put(node, key, 2, Idempotency_Key=idempotency_key).status_code == 422
    leader = group.leader()
    group.act("kill", leader, "worker")
    other = next(node for node in group.nodes if node != leader)
    again = group.put(other, key, 1, Idempotency_Key=idempotency_key)
    assert (again.status_code, again.content) == (201, first.content)
    outcome = group.rest(other, "GET", f"requests/{first.headers['request-id']}").json()
    assert (outcome["status"], outcome["revision"]) == ("applied", first.json()["revision"])


def test_drain_moves_leadership_and_is_refused_where_unsafe(group: RealGroup) -> None:
    leader, other = group.leader(), group.follower()
    drained = group.rest(other, "POST", f"group/nodes/{leader}/drain")
    assert drained.status_code == 200
    (told,) = (member for member in drained.json()["members"] if member["node"] == leader)
    assert told["state"] in ("draining", "drained"), "the answer shows what was done"
    eventually(lambda: group.state(leader) == "drained", 10)
    assert group.leader() != leader
    assert group.http.get(f"{group.url(leader)}/readyz").status_code == 503
    assert group.put(leader, unique("drained"), 1).status_code == 201, "a drained node still serves"
    assert group.rest(other, "POST", f"group/nodes/{leader}/drain").status_code == 200, "twice is once"
    refused = group.rest(other, "POST", f"group/nodes/{other}/drain")
    assert refused.status_code == 409 and "majority" in refused.json()["detail"]
    assert group.rest(leader, "POST", f"group/nodes/{leader}/undrain").status_code == 200
    eventually(lambda: group.http.get(f"{group.url(leader)}/readyz").status_code == 200, 10)


def test_leadership_goes_where_it_is_sent(group: RealGroup) -> None:
    target = group.follower()
    assert group.rest(group.leader(), "POST", "group/transfer-leadership", {"to": target}).status_code == 200
    assert group.leader() == target
    assert group.rest(target, "POST", "group/transfer-leadership", {}).status_code == 200
    eventually(lambda: group.leader() != target, 10)


def test_a_user_made_on_one_node_signs_in_on_every_other(group: RealGroup) -> None:
    for node in group.nodes:
        with httpx.Client(base_url=group.url(node), follow_redirects=True) as browser:
            page = browser.get("/admin/login/")
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text).group(1)
            form = {"username": "admin", "password": group.credentials["password"], "csrfmiddlewaretoken": token}
            home = browser.post("/admin/login/?next=/admin/", data=form)
            assert home.status_code == 200 and "Log out" in home.text
            cookies = dict(browser.cookies)
        for other in group.nodes:
            assert "Log out" in httpx.get(f"{group.url(other)}/admin/", cookies=cookies, follow_redirects=True).text


def test_rubbish_in_the_inboxes_is_counted_and_changes_nothing(group: RealGroup) -> None:
    leader, other = group.leader(), group.follower()
    node = group.layout.nodes[leader]
    before = group.wait_level()
    with redis.Redis(port=node.redis_port, password=group.layout.secrets["redis"]) as client:
        for size in (1, 100, 2 << 20):
            client.rpush(keys.inbox(group.layout.group, leader, other), os.urandom(size))
        client.rpush(keys.requests(group.layout.group, leader), os.urandom(100))

    def refused() -> dict:
        told = group.run(leader, "-m", "celery", "-A", "config_service", "inspect", "raft_status", "--json")
        return next(iter(json.loads(told.stdout).values()))["frames_refused"]

    assert eventually(lambda: (found := refused()).get("tag", 0) >= 1 and found, 20)["size"] >= 2
    assert group.leader() == leader and group.wait_level() == before


def test_celery_knows_the_schedule_and_takes_a_tick_by_hand(group: RealGroup) -> None:
    node = group.follower()
    registered = group.run(node, "-m", "celery", "-A", "config_service", "inspect", "registered")
    assert "consensus.heartbeat" in registered.stdout and "consensus.election" in registered.stdout
    assert group.run(node, "-m", "celery", "-A", "config_service", "call", "consensus.heartbeat").returncode == 0


def test_status_is_what_tools_rely_on(group: RealGroup) -> None:
    folder = str(group.folder)
    told = group.run(group.nodes[0], "manage.py", "localgroup", "status", "--json", "--dir", folder)
    now = json.loads(told.stdout)
    assert now["leader"] in group.nodes and now["term"] > 0
    assert now["nodes"]["n1"]["parts"] == dict.fromkeys(("postgres", "redis", "worker", "web"), "up")
    assert {"role", "term", "commit", "applied", "state", "parts"} == set(now["nodes"]["n1"])


def test_mistakes_at_the_terminal_get_one_clear_line(group: RealGroup) -> None:
    folder = str(group.folder)
    for argv, complaint in (
        (["kill", "n9", "--dir", folder], "there is no node n9"),
        (["status", "--dir", f"{folder}-none"], "there is no local group"),
        (["up", "--dir", f"{folder}-other", "--port", str(group.port)], "is taken"),
        (["up", "--dir", folder, "--nodes", "5", "--port", str(group.port)], "has 3 nodes, not 5"),
    ):
        done = group.run(group.nodes[0], "manage.py", "localgroup", *argv)
        assert done.returncode != 0 and complaint in done.stderr and "Traceback" not in done.stderr


def test_stopped_and_started_again_the_group_goes_on_with_its_data(group: RealGroup) -> None:
    key = unique("kept")
    group.put(group.nodes[0], key, "kept")
    folder, port = str(group.folder), str(group.port)
    down = group.run(group.nodes[0], "manage.py", "localgroup", "down", "--dir", folder)
    assert down.returncode == 0
    assert {state for node in group.status()["nodes"].values() for state in node["parts"].values()} == {"down"}
    group.up()
    assert group.get(group.nodes[2], key).json()["value"] == "kept"
    again = group.run(group.nodes[0], "manage.py", "localgroup", "up", "--detach", "--dir", folder, "--port", port)
    assert again.returncode == 0 and "Sign in" in again.stdout
