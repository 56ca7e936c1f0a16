"""Writes under load while a part of the leader fails: nothing acknowledged is lost, nothing refused is done."""

import uuid

import pytest

from tests.support.group import RealGroup
from tests.support.load import Load
from tests.support.waiting import eventually

FAULTS = [
    ("kill", "start", "all"),
    ("kill", "start", "worker"),
    ("pause", "resume", "worker"),
    ("pause", "resume", "redis"),
    ("kill", "start", "redis"),
    ("pause", "resume", "postgres"),
    ("kill", "start", "postgres"),
]


@pytest.mark.parametrize(("fault", "repair", "part"), FAULTS, ids=[f"{fault} {part}" for fault, _, part in FAULTS])
def test_nothing_acknowledged_is_lost(group: RealGroup, fault: str, repair: str, part: str) -> None:
    leader = group.leader()
    survivor = group.follower()
    with Load(group, survivor, uuid.uuid4().hex[:8]) as load:
        eventually(lambda: len(load.acknowledged) > 20)
        group.act(fault, leader, part)
        before = len(load.acknowledged)
        eventually(lambda: len(load.acknowledged) > before + 50, 30, "the majority goes on")
        group.act(repair, leader, part)
        eventually(lambda: len(load.acknowledged) > before + 100, 30)
    group.wait_ready()
    rows = group.wait_level()
    for key, revision in load.acknowledged.items():
        assert rows["storefront", key][1] == revision
    for key in load.refused:
        assert ("storefront", key) not in rows


def test_without_a_majority_writes_are_refused_and_stale_reads_served(group: RealGroup) -> None:
    survivor = group.follower()
    others = [node for node in group.nodes if node != survivor]
    group.put(survivor, "majority", 1)
    for node in others:
        group.act("stop", node)
    eventually(lambda: not group.status()["leader"], 10)
    answer = group.put(survivor, "majority", 2)
    assert answer.status_code == 503 and answer.headers["content-type"] == "application/problem+json"
    assert float(answer.headers["retry-after"]) > 0 and answer.elapsed.total_seconds() < 7
    assert group.get(survivor, "majority").status_code == 503
    stale = group.get(survivor, "majority", "?consistency=stale")
    assert (stale.status_code, stale.json()["value"]) == (200, 1)
    assert stale.headers["config-consistency"] == "stale" and int(stale.headers["config-age-ms"]) > 500
    assert group.http.get(f"{group.url(survivor)}/readyz").status_code == 503
    for node in others:
        group.act("start", node)
    group.wait_ready()
    assert group.wait_level()["storefront", "majority"][0] == "1"


def test_a_second_process_of_a_node_refuses_and_the_first_goes_on(group: RealGroup) -> None:
    node = group.follower()
    options = [
        "-P",
        "threads",
        "-c",
        "1",
        "-n",
        "double@%h",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
    second = group.run(node, "-m", "celery", "-A", "config_service", "worker", *options)
    assert second.returncode != 0
    assert f"another process runs as node {node}" in second.stderr + second.stdout
    assert group.put(node, "double", 1).status_code in (200, 201)
