"""Replay one seed, or run several: ``python -m consensus.simulator --seed N [--seeds C] --steps M``."""

import argparse
import sys
import time

from consensus.simulator.profiles import PROFILES
from consensus.simulator.run import Run, execute


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m consensus.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds to run, counting up from --seed")
    parser.add_argument("--stop", action="store_true", help="stop at the first seed that fails")
    parser.add_argument("--steps", type=int, default=5000, help="events handled by nodes before the faults stop")
    parser.add_argument("--nodes", type=int, choices=range(1, 10), metavar="K", help="default: as the seed says")
    parser.add_argument("--profile", choices=sorted(PROFILES), help="what goes wrong; default: as the seed says")
    options = parser.parse_args()
    started, steps, committed, reads, failed = time.process_time(), 0, 0, 0, 0
    for seed in range(options.seed, options.seed + options.seeds):
        result = execute(Run.of(seed, options.steps, options.nodes, options.profile))
        steps += result.steps
        committed += result.committed
        reads += result.reads
        if result.failure:
            failed += 1
            print(f"FAILED: seed {seed}\n{result.failure}\n")
            if options.stop:
                break
        elif options.seeds == 1:
            print(f"seed {seed}: {result.run.nodes} nodes, profile {result.run.profile}, digest {result.digest}")
    seconds = time.process_time() - started
    print(
        f"{options.seeds} seeds, {failed} failed: {steps} steps, {committed} entries committed, {reads} reads, "
        f"{steps / seconds:.0f} steps per CPU second"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
