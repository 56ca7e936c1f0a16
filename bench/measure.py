"""Latencies, rates, processor time and tables."""

import contextlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Result:
    """``rate`` per second; latencies in milliseconds; ``cpu_ms``: what the servers spent on one, if measured."""

    rate: float
    p50_ms: float
    p99_ms: float
    failed: float = 0
    cpu_ms: float = 0

    def __str__(self) -> str:
        failed = f", {self.failed:.0f} failed" if self.failed else ""
        cpu = f"  cpu {self.cpu_ms:6.2f} ms each" if self.cpu_ms else ""
        return f"{self.rate:8.0f}/s  p50 {self.p50_ms:7.2f} ms  p99 {self.p99_ms:7.2f} ms{cpu}{failed}"


def summarize(latencies_s: list[float], seconds: float, failed: int = 0, spent_s: float = 0) -> Result:
    ordered = sorted(latencies_s) or [float("nan")]
    return Result(
        len(latencies_s) / seconds,
        1000 * ordered[len(ordered) // 2],
        1000 * ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)],
        failed,
        1000 * spent_s / len(ordered),
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


def median(results: Sequence[Result]) -> Result:
    """Of several rounds, number by number."""
    return Result(*(statistics.median(column) for column in zip(*map(astuple, results), strict=True)))


def scaled(number: int, scale: float) -> int:
    """At least one."""
    return max(1, round(number * scale))


def spent_s(pids: Sequence[int]) -> float:
    """Processor time of these processes so far, that of ended children included: so one that is gone is left out."""
    spent = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            spent += sum(psutil.Process(pid).cpu_times()[:4])
    return spent


def line(name: str, ours: Result, theirs: Result | None) -> None:
    """One row: ours, and beside it etcd's and the ratios."""
    print(f"  {name:<34} {ours}")
    if theirs is not None:
        print(f"  {'etcd':<34} {theirs}")
        ratios = f"rate x {ours.rate / theirs.rate:.2f}, p50 x {ours.p50_ms / theirs.p50_ms:.2f}"
        if theirs.cpu_ms and ours.cpu_ms:
            ratios += f", cpu x {ours.cpu_ms / theirs.cpu_ms:.2f}"
        print(f"  {'ours / etcd':<34} {ratios}")


def budget(text: str, met: bool) -> None:
    print(f"  {'[met]   ' if met else '[MISSED]'} {text}", flush=True)
