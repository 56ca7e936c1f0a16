"""Run seeds until stopped, on all cores: ``python -m consensus.simulator.soak``. Ctrl-C ends it cleanly.

Seeds that fail go to a file, one JSON object a line, with the command that replays each; the reports go beside it.
Exits non-zero at the end if any failed.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from consensus.simulator.run import Result, Run, execute

SHOW_EVERY_S = 10.0


class Soak:
    """Counts what ran, and keeps what failed under ``folder``."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._started = self._shown = time.monotonic()
        self.steps = self.failed = 0
        self.by_profile: Counter[str] = Counter()
        self.by_nodes: Counter[int] = Counter()

    def add(self, result: Result) -> None:
        run = result.run
        self.steps += result.steps
        self.by_profile[run.profile] += 1
        self.by_nodes[run.nodes] += 1
        if result.failure:
            self.failed += 1
            self._keep(result)
        if time.monotonic() - self._shown >= SHOW_EVERY_S:
            self.show()

    def _keep(self, result: Result) -> None:
        run = result.run
        self._folder.mkdir(parents=True, exist_ok=True)
        report = self._folder / f"seed-{run.seed}-{run.profile}-{run.nodes}.txt"
        report.write_text(result.failure + "\n")
        what = result.failure.splitlines()[0]
        line = {"seed": run.seed, "nodes": run.nodes, "profile": run.profile, "steps": run.steps, "what": what}
        with (self._folder / "failures.jsonl").open("a") as file:
            file.write(json.dumps(line | {"replay": run.command}) + "\n")
        print(f"FAILED: {run.command}\n  {what}\n  kept in {report}", flush=True)

    def show(self) -> None:
        self._shown = time.monotonic()
        seconds = self._shown - self._started
        seeds = self.by_profile.total()
        print(
            f"{seconds:6.0f} s  {seeds} seeds, {self.steps} steps, {self.steps / seconds:.0f} steps/s, "
            f"{self.failed} failed",
            flush=True,
        )

    def summary(self) -> str:
        profiles = ", ".join(f"{name} {number}" for name, number in sorted(self.by_profile.items()))
        nodes = ", ".join(f"{size} nodes: {number}" for size, number in sorted(self.by_nodes.items()))
        return f"seeds by profile: {profiles}\nseeds by size: {nodes}"


def _ignore_interrupt() -> None:
    """Ctrl-C reaches the whole process group; the parent decides, and workers finish what they run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m consensus.simulator.soak", description=__doc__)
    parser.add_argument("--first-seed", type=int, default=int(time.time()), help="default: the time, so new ones")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--minutes", type=float, default=float("inf"), help="default: until stopped")
    parser.add_argument("--folder", type=Path, default=Path(".soak"), help="where failing seeds are kept")
    options = parser.parse_args()
    print(f"seeds from {options.first_seed}, {options.steps} steps each, {options.processes} processes", flush=True)
    soak = Soak(options.folder)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ProcessPoolExecutor(options.processes, get_context("spawn"), initializer=_ignore_interrupt) as pool:
        running: set[Future[Result]] = set()
        seeds = count(options.first_seed)
        deadline = time.monotonic() + options.minutes * 60
        try:
            while time.monotonic() < deadline:
                while len(running) < 2 * options.processes:
                    running.add(pool.submit(execute, Run.of(next(seeds), options.steps)))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    soak.add(future.result())
        except KeyboardInterrupt:
            print("stopping", flush=True)
        pool.shutdown(cancel_futures=True)
        for future in running:
            if not future.cancelled():
                soak.add(future.result())
    soak.show()
    print(soak.summary())
    return 1 if soak.failed else 0


if __name__ == "__main__":
    sys.exit(main())
