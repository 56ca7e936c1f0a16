"""``python -m consensus.simulator.paxos --seed N --steps M --nodes K``: replay one run; ``--seeds C``: C from there."""

import argparse
import sys
import time

from consensus.simulator.ledger import Violation
from consensus.simulator.paxos.cluster import Cluster


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m consensus.simulator.paxos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds to run, counting up from --seed")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--nodes", type=int, default=3)
    options = parser.parse_args()
    started, steps, done = time.perf_counter(), 0, 0
    for seed in range(options.seed, options.seed + options.seeds):
        cluster = Cluster(seed, options.nodes)
        try:
            cluster.run(options.steps)
        except Violation as violation:
            print(f"FAILED: --seed {seed} --steps {options.steps} --nodes {options.nodes}\n{violation}")
            return 1
        steps += cluster.steps
        done += cluster.workload.done
    seconds = time.perf_counter() - started
    print(
        f"{options.seeds} seeds, {options.nodes} nodes, {steps} steps: {done} requests done, "
        f"{steps / seconds:.0f} steps/s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
