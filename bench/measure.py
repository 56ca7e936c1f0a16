"""Latencies, rates and tables."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """``rate`` per second; latencies in milliseconds."""

    rate: float
    p50_ms: float
    p99_ms: float
    failed: int = 0

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.rate:8.0f}/s  p50 {self.p50_ms:7.2f} ms  p99 {self.p99_ms:7.2f} ms{failed}"


def summarize(latencies_s: list[float], seconds: float, failed: int = 0) -> Result:
    ordered = sorted(latencies_s) or [float("nan")]
    return Result(
        len(latencies_s) / seconds,
        1000 * ordered[len(ordered) // 2],
        1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
        failed,
    )


def timed(work: Callable[[], object], count: int) -> Result:
    """``work`` again and again, one after the other."""
    latencies: list[float] = []
    started = time.perf_counter()
    for _ in range(count):
        before = time.perf_counter()
        work()
        latencies.append(time.perf_counter() - before)
    return summarize(latencies, time.perf_counter() - started)


def line(name: str, ours: Result, theirs: Result | None) -> None:
    """One row: ours, and beside it etcd's and the ratios."""
    print(f"  {name:<34} {ours}")
    if theirs is not None:
        print(f"  {'etcd':<34} {theirs}")
        ratios = f"rate x {ours.rate / theirs.rate:.2f}, p50 x {ours.p50_ms / theirs.p50_ms:.2f}"
        print(f"  {'ours / etcd':<34} {ratios}")


def budget(text: str, met: bool) -> None:
    print(f"  {'[met]   ' if met else '[MISSED]'} {text}", flush=True)
