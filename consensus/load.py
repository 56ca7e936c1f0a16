"""What a node's processes have to do just now, for people to look at: told to the runtime, added up, told to the peers.

Times of writes are counted in classes, because classes of several processes and nodes can be added and medians cannot.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import msgspec

# Upper bounds of the classes of time that a write took; what took longer than the last is counted behind it.
BOUNDS_MS = (0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 100, 150, 250, 500, 1000, 2500)
# What a process has not repeated for so long does not count any more: the process is gone.
KEPT_MS = 6000


class Load(msgspec.Struct, frozen=True, array_like=True):
    """``reads`` and ``writes`` are per second; ``times`` counts writes by how long they took (`BOUNDS_MS`).

    ``requests`` are those being answered, ``waiting`` the proposals that are not applied yet.
    """

    watchers: int = 0
    requests: int = 0
    reads: float = 0.0
    writes: float = 0.0
    times: tuple[int, ...] = ()
    waiting: int = 0


def total(loads: Iterable[Load]) -> Load:
    loads = list(loads)
    times = [0] * max((len(load.times) for load in loads), default=0)
    for load in loads:
        for place, count in enumerate(load.times):
            times[place] += count
    return Load(
        sum(load.watchers for load in loads),
        sum(load.requests for load in loads),
        sum(load.reads for load in loads),
        sum(load.writes for load in loads),
        tuple(times),
        sum(load.waiting for load in loads),
    )


def quantile_ms(times: Sequence[int], share: float) -> float | None:
    """The time that ``share`` of the writes took at most, interpolated within its class; None: there were none."""
    wanted = share * sum(times)
    if wanted <= 0:
        return None
    passed = 0
    for place, count in enumerate(times):
        if count and passed + count >= wanted:
            lower = BOUNDS_MS[place - 1] if place else 0.0
            upper = BOUNDS_MS[place] if place < len(BOUNDS_MS) else lower
            return lower + (upper - lower) * (wanted - passed) / count
        passed += count
    return float(BOUNDS_MS[-1])


class Meter:
    """Counts what one process does. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times = [0] * (len(BOUNDS_MS) + 1)
        self._reads = 0

    def wrote(self, seconds: float) -> None:
        with self._lock:
            self._times[bisect_left(BOUNDS_MS, seconds * 1000)] += 1

    def read(self) -> None:
        with self._lock:
            self._reads += 1

    def take(self, seconds: float, watchers: int, requests: int) -> Load:
        """What was counted in the last ``seconds``; counting begins anew."""
        with self._lock:
            times, self._times = self._times, [0] * len(self._times)
            reads, self._reads = self._reads, 0
        return Load(watchers, requests, reads / seconds, sum(times) / seconds, tuple(times))


class Loads:
    """The latest loads of this node's processes. Belongs to the runtime's thread."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, Load]] = {}

    def note(self, process: str, load: Load, now_ms: int) -> None:
        self._told[process] = (now_ms, load)

    def total(self, now_ms: int, waiting: int) -> Load:
        self._told = {name: told for name, told in self._told.items() if now_ms - told[0] < KEPT_MS}
        return total([Load(waiting=waiting), *(load for _, load in self._told.values())])
