"""The past: what it costs to read, by the number of revisions there are. A page of it should cost the same."""

from functools import partial

from bench.footprint import members
from bench.loads import child
from bench.measure import budget, scaled, spent_s, timed
from config_service.localgroup.parts import environment
from tests.support.group import RealGroup

REVISIONS = (1000, 10_000, 100_000)
# So few that each has changed ten times when there are the fewest revisions.
KEYS = 100
WARM_UP = 30
TIMES = 100
MOST_TIMES = 1.5
NAMESPACE = "bench-history"


def history(group: RealGroup, scale: float) -> None:
    print(f"Reads of the past of {KEYS} entries, stale, one after the other, by the number of revisions")
    node = group.leader()
    group.rest(node, "PUT", f"namespaces/{NAMESPACE}", {}).raise_for_status()
    trees = members(group)
    pids = [one.pid for part in ("web", "postgres") for one in trees[node, part]]
    held = 0
    medians: list[dict[str, float]] = []
    for size in (max(10 * KEYS, scaled(most, scale)) for most in REVISIONS):
        _write(group, node, size - held)
        held = size
        first, last = _reach(group, node)
        medians.append({name: _cost(group, node, pids, size, name, path) for name, path in _reads(first, last).items()})
    ratios = {name: p50 / medians[0][name] for name, p50 in medians[-1].items()}
    for name, ratio in ratios.items():
        print(f"  {name:<34} {held} revisions / the fewest   p50 x {ratio:.2f}")
    budget(f"{REVISIONS[-1]:,} revisions cost a page at most {MOST_TIMES} times", max(ratios.values()) <= MOST_TIMES)
    print(flush=True)


def _write(group: RealGroup, node: str, count: int) -> None:
    if count:
        settings = environment(group.layout, group.layout.nodes[node])
        child("bench.client", settings, outstanding=64, seconds=0, pids=[], keys=KEYS, writes=count,
              namespace=NAMESPACE)  # fmt: skip


def _reach(group: RealGroup, node: str) -> tuple[int, int]:
    """The revisions of the first and the last change, as this node has them."""
    query = f"SELECT min(revision), max(revision) FROM entries_entryrevision WHERE namespace = '{NAMESPACE}'"
    ((first, last),) = group.sql(node, query)
    return first, last


def _reads(first: int, last: int) -> dict[str, str]:
    """Each gives the same number of items, however many revisions there are."""
    middle = (first + last) // 2
    return {
        "history of an entry": "/entries/k7/history?limit=10",
        "history of the namespace": "/history?limit=100",
        "an entry as it was in the middle": f"/entries/k7?revision={middle}",
        "all entries as they were then": f"/entries/?revision={middle}&limit=100",
        "what is different since then": f"/diff?from={middle}&limit=100",
    }


def _cost(group: RealGroup, node: str, pids: list[int], size: int, name: str, path: str) -> float:
    """Milliseconds, the median."""
    address = f"namespaces/{NAMESPACE}{path}&consistency=stale"
    read = partial(group.rest, node, "GET", address)
    for _ in range(WARM_UP):
        read().raise_for_status()
    before_s = spent_s(pids)
    took = timed(read, TIMES)
    cpu_ms = 1000 * (spent_s(pids) - before_s) / TIMES
    print(f"  {name:<34} {size:>7}   p50 {took.p50_ms:6.1f} ms  p99 {took.p99_ms:6.1f} ms  cpu {cpu_ms:6.1f} ms")
    return took.p50_ms
