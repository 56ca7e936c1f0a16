"""From kill -9 of the leader to the next acknowledged write through a survivor."""

import contextlib
import statistics
import threading
import time
from collections.abc import Callable
from itertools import pairwise

from bench.etcd import Etcd
from bench.measure import budget
from tests.support.group import RealGroup


def longest_gap(write: Callable[[], bool], kill: Callable[[], None]) -> float:
    """The longest time without an acknowledged write, while somebody writes without pause; seconds."""
    acknowledged = [time.perf_counter()]
    stopping = threading.Event()

    def writer() -> None:
        while not stopping.is_set():
            with contextlib.suppress(OSError):
                if write():
                    acknowledged.append(time.perf_counter())

    thread = threading.Thread(target=writer)
    thread.start()
    time.sleep(0.5)
    killed = time.perf_counter()
    kill()
    deadline = killed + 20
    while time.perf_counter() < deadline and acknowledged[-1] < killed + 3:
        time.sleep(0.05)
    stopping.set()
    thread.join()
    return max(later - earlier for earlier, later in pairwise(acknowledged))


def ours(group: RealGroup) -> float:
    leader, survivor = group.leader(), group.follower()
    gap = longest_gap(
        lambda: group.put(survivor, "failover", 1).status_code in (200, 201), lambda: group.act("kill", leader)
    )
    group.heal()
    return gap


def etcds(etcd: Etcd) -> float:
    leader = etcd.leader()
    survivor = next(name for name in etcd.client_ports if name != leader)

    def write() -> bool:
        # etcd leaves a request that was on its way to the dead leader unanswered; ask again rather than wait for it.
        etcd.put(survivor, "failover", "1", timeout_s=0.3)
        return True

    gap = longest_gap(write, lambda: etcd.kill(leader))
    etcd.start_node(leader)
    etcd.leader()
    return gap


def failover(group: RealGroup, etcd: Etcd | None, rounds: int) -> None:
    print(f"Failover: longest gap between acknowledged writes when the leader is killed, {rounds} rounds")
    gaps = [ours(group) for _ in range(rounds)]
    print(f"  ours   median {statistics.median(gaps):.2f} s, longest {max(gaps):.2f} s", flush=True)
    if etcd is not None:
        theirs = [etcds(etcd) for _ in range(rounds)]
        print(f"  etcd   median {statistics.median(theirs):.2f} s, longest {max(theirs):.2f} s")
        print(f"  ours / etcd   x {statistics.median(gaps) / statistics.median(theirs):.2f}")
        budget("median at most etcd's", statistics.median(gaps) <= statistics.median(theirs))
    print(flush=True)
