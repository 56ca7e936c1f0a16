"""Plant well-known Raft bugs one at a time and show who notices: ``python -m tests.mutation [NAME...] [--write FILE]``.

Exits non-zero when a bug goes unnoticed, or when the source without any bug does not pass.
"""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.bugs import MUTANTS
from tests.mutation.plant import STEPS, Verdict, by_simulator, by_unit_tests, planted
from tests.mutation.planting import Mutant

HEAD = """# Planted bugs

Each of these well-known mistakes was planted by itself in a copy of the source; the core's unit tests and the simulator
(seeds 1 to {seeds}, {steps} steps each, profile and group size as the seed says) then ran until one of them failed.
Made by `make mutants`, which tries up to 300 seeds unless told otherwise; do not edit.

| Bug | What it breaks | Rule | Unit tests | Simulator |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Row:
    mutant: Mutant
    tests: Verdict
    simulator: Verdict

    @property
    def caught(self) -> bool:
        return self.tests.caught or self.simulator.caught

    def __str__(self) -> str:
        tests = f"`{self.tests.how}`" if self.tests.caught else "-"
        simulator = f"no failure in {self.simulator.seeds} seeds"
        if self.simulator.caught:
            simulator = f"seed {self.simulator.seeds}, {self.simulator.seconds:.0f} s: {_short(self.simulator.how)}"
        return f"| {self.mutant.name} | {self.mutant.breaks} | {self.mutant.section} | {tests} | {simulator} |"


def _short(how: str) -> str:
    return how.removeprefix("Violation: ").replace("|", "/")[:110]


def check(mutant: Mutant, seeds: int) -> Row:
    with planted(mutant) as folder:
        return Row(mutant, by_unit_tests(folder), by_simulator(folder, seeds))


def control(seeds: int) -> None:
    """Without a bug both must pass, or the rest says nothing."""
    with planted(None) as folder:
        for verdict in (by_unit_tests(folder), by_simulator(folder, seeds)):
            if verdict.caught:
                raise SystemExit(f"the source fails without any bug planted: {verdict.how}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", help="only the bugs whose name contains one of these")
    parser.add_argument("--seeds", type=int, default=300, help="how many seeds a bug may survive")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--write", type=Path, help="write the table to this file")
    options = parser.parse_args()
    chosen = [one for one in MUTANTS if not options.names or any(name in one.name for name in options.names)]
    control(options.seeds // 10)
    rows: list[Row] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for row in pool.map(lambda mutant: check(mutant, options.seeds), chosen):
            rows.append(row)
            print(row if row.caught else f"NOT CAUGHT {row}", flush=True)
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        options.write.write_text(HEAD.format(seeds=options.seeds, steps=STEPS) + "\n".join(map(str, rows)) + "\n")
    missed = [row.mutant.name for row in rows if not row.caught]
    print(f"{len(rows) - len(missed)} of {len(rows)} planted bugs caught" + (f"; not: {missed}" if missed else ""))
    return 1 if missed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
