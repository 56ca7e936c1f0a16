"""A node that was away while many entries were written: how long until it is level, while writes go on."""

import threading
import time
from collections.abc import Callable

from bench.loads import child
from bench.measure import budget
from config_service.localgroup.parts import environment
from tests.support.group import RealGroup

BEHIND = 50_000  # log entries, unless asked otherwise
LEVEL_WITHIN = 200  # log entries: about what is on its way under this load
GIVE_UP_S = 90


def catchup(group: RealGroup, behind: int = BEHIND) -> None:
    print(f"Catching up: a node {behind:,} entries behind, while writes go on")
    leader, away = group.leader(), group.follower()
    group.rest(leader, "PUT", "namespaces/load", {}).raise_for_status()
    group.act("kill", away)
    first = _commit(group, leader)
    while (written := _commit(group, leader) - first) < behind:
        _write(group, leader, outstanding=256, seconds=2.0)
    seconds = _while_writing(group, leader, lambda: _time_to_level(group, leader, away))
    meanwhile = _commit(group, leader) - first - written
    if seconds is None:
        print(f"  {written:,} entries behind: not level after {GIVE_UP_S} s")
    else:
        print(f"  {written:,} entries behind: level {seconds:.1f} s after its start was asked for")
    print(f"  {meanwhile:,} entries were committed meanwhile")
    budget("level within 20 s", seconds is not None and seconds <= 20)
    print(flush=True)


def _commit(group: RealGroup, node: str) -> int:
    return group.rest(node, "GET", "group").json()["commit_index"]


def _write(group: RealGroup, node: str, outstanding: int, seconds: float) -> None:
    settings = environment(group.layout, group.layout.nodes[node])
    child("bench.client", settings, outstanding=outstanding, seconds=seconds, pids=[])


def _while_writing(group: RealGroup, node: str, work: Callable[[], float | None]) -> float | None:
    stopping = threading.Event()

    def writer() -> None:
        while not stopping.is_set():
            _write(group, node, outstanding=4, seconds=1.0)

    thread = threading.Thread(target=writer)
    thread.start()
    try:
        return work()
    finally:
        stopping.set()
        thread.join()


def _time_to_level(group: RealGroup, leader: str, node: str) -> float | None:
    started = time.perf_counter()
    group.act("start", node)
    while time.perf_counter() - started < GIVE_UP_S:
        own = group.rest(node, "GET", "group").json()
        if own["running"] and own["applied_index"] >= _commit(group, leader) - LEVEL_WITHIN:
            return time.perf_counter() - started
        time.sleep(0.05)
    return None
