"""A node whose tables were tampered with: noticed, out of service, rebuilt by one command."""

import os

from tests.support.group import RealGroup
from tests.support.waiting import eventually

TAMPER = "UPDATE entries_configentry SET value = '666' WHERE key = 'divergence/price'"


def member(group: RealGroup, node: str) -> dict:
    """``node`` as another one knows it."""
    other = next(name for name in group.nodes if name != node)
    found = group.rest(other, "GET", "group").json()["members"]
    return next(one for one in found if one["node"] == node)


def compare_tables(group: RealGroup) -> None:
    """As the scheduler does, at once."""
    done = group.run(group.leader(), "-m", "celery", "-A", "config_service", "call", "consensus.verify")
    assert done.returncode == 0, done.stderr


def wait_verified(group: RealGroup) -> None:
    """Every node says that its tables are those of a majority, later than now."""
    before = max(group.rest(node, "GET", "group").json()["commit_index"] for node in group.nodes)
    compare_tables(group)
    for node in group.nodes:

        def verified(node: str = node) -> bool:
            return group.rest(node, "GET", "group").json()["verified_index"] > before

        eventually(verified, 40, f"{node} is verified")


def test_a_leader_whose_tables_differ_stops_serving_until_it_is_rebuilt(group: RealGroup) -> None:
    eventually(lambda: group.put("n1", "divergence/price", 100).status_code in (200, 201), 30, "the first write")
    group.wait_level()
    wait_verified(group)
    odd = group.leader()
    group.sql(odd, TAMPER)

    # It is noticed, by the node itself and by the others, and another one leads.
    compare_tables(group)
    eventually(lambda: member(group, odd)["state"] == "diverged", 40, f"{odd} says that it has diverged")
    assert "entries_configentry" in member(group, odd)["halted"]
    eventually(lambda: group.leader() != odd, 20, "somebody else leads")

    # It serves nothing, not even after a restart.
    group.act("kill", odd, "worker")
    group.act("start", odd, "worker")
    running = f"{group.url(odd)}/api/v1/group"
    headers = {"Authorization": f"Bearer {group.credentials['token']}"}
    eventually(lambda: group.http.get(running, headers=headers).json()["leader"], 30, f"{odd} runs again")
    readyz = group.http.get(f"{group.url(odd)}/readyz")
    assert readyz.status_code == 503 and "entries_configentry" in readyz.json()["detail"]
    for query in ("", "?consistency=stale"):

        def refused(query: str = query) -> bool:
            answer = group.get(odd, "divergence/price", query)
            assert answer.status_code == 503, answer.text
            return answer.json()["type"].endswith(":diverged")

        eventually(refused, 30, "it says why it refuses")
    assert group.put(odd, "divergence/price", 1).status_code == 503
    assert "config_node_diverged 1.0" in group.http.get(f"{group.url(odd)}/metrics").text

    # The others serve, and one command makes it well.
    assert group.put(group.leader(), "divergence/other", 1).status_code in (200, 201)
    os.environ["CONFIG_TOKEN"] = group.credentials["token"]
    status = group.run(odd, "manage.py", "group", "status", "--server", group.url(odd))
    assert f"{odd}: follower, diverged" in status.stdout, status.stdout + status.stderr
    rebuilt = group.run(odd, "manage.py", "group", "rebuild", odd, "--server", group.url(group.leader()))
    assert rebuilt.returncode == 0, rebuilt.stderr
    group.wait_ready()
    assert group.get(odd, "divergence/price").json()["value"] == 100
    assert group.get(odd, "divergence/price", "?consistency=stale").json()["value"] == 100
    group.wait_level()
    wait_verified(group)
    # What the others say of a node is up to a second old.
    eventually(lambda: {member(group, node)["state"] for node in group.nodes} == {"active"}, 10, "all are active")
