"""Switches: how long a write takes, and how long none succeeds when the leader is killed; beside entries and etcd."""

import statistics

from bench.etcd import Etcd
from bench.failover import etcds, longest_gap, ours
from bench.measure import Result, budget, timed
from tests.support.group import RealGroup

WRITES = 300
MOST_GAP_S = 0.1


def switches(group: RealGroup, etcd: Etcd | None, kills: int) -> None:
    print(f"Switches: {WRITES} writes one after the other through a follower, then {kills} kills of the leader")
    follower = group.follower()
    _show("switch", timed(lambda: _flip(group, follower), WRITES))
    _show("entry", timed(lambda: group.put(follower, "beside", 1).raise_for_status(), WRITES))
    if etcd is not None:
        leader = etcd.leader()
        node = next(name for name in etcd.client_ports if name != leader)
        _show("etcd", timed(lambda: etcd.put(node, "beside", "1"), WRITES))
    gaps = [_gap(group) for _ in range(kills)]
    entries = [ours(group) for _ in range(kills)]
    _show_gaps("switch", gaps)
    _show_gaps("entry", entries)
    if etcd is not None:
        _show_gaps("etcd", [etcds(etcd) for _ in range(kills)])
    budget(f"median gap of a switch under {MOST_GAP_S * 1000:.0f} ms", statistics.median(gaps) < MOST_GAP_S)
    print(flush=True)


def _flip(group: RealGroup, node: str) -> bool:
    return group.rest(node, "PUT", "switches/bench", {"value": True}).status_code in (200, 201)


def _gap(group: RealGroup) -> float:
    leader, survivor = group.leader(), group.follower()
    gap = longest_gap(lambda: _flip(group, survivor), lambda: group.act("kill", leader))
    group.heal()
    return gap


def _show(name: str, result: Result) -> None:
    print(f"  {name:7} {result}", flush=True)


def _show_gaps(name: str, gaps: list[float]) -> None:
    median, longest = statistics.median(gaps), max(gaps)
    print(f"  {name:7} longest gap: median {1000 * median:.0f} ms, longest {1000 * longest:.0f} ms", flush=True)
