"""``python -m bench [NAME ...]``: measure, beside floors and etcd. ``--help`` names the options."""

import argparse
import os
import sys

from bench.catchup import BEHIND, catchup
from bench.etcd import start_if_installed
from bench.failover import failover
from bench.footprint import floors, idle
from bench.history import history
from bench.loads import Loads
from bench.pages import pages
from bench.switches import switches
from bench.watching import delays, idle_watchers
from tests.support.group import RealGroup

SECTIONS = (
    "floors",
    "idle",
    "pages",
    "writes",
    "reads",
    "watch",
    "sizes",
    "history",
    "failover",
    "switches",
    "catchup",
)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--only", help="the same, separated by commas")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long each load runs in each round")
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds of loads, and failovers")
    parser.add_argument("--outstanding", default="1,16,64,256", help="how many writes at a time")
    parser.add_argument("--kills", type=int, default=10, help="how often the leader is killed for switches")
    parser.add_argument("--scale", type=float, default=1.0, help="of entries, revisions and watchers: only to try out")
    parser.add_argument("--behind", type=int, default=BEHIND, help="entries that the node of catchup is behind")
    options = parser.parse_intermixed_args()
    options.chosen = [*options.names, *(options.only.split(",") if options.only else ())] or SECTIONS
    if unknown := set(options.chosen) - set(SECTIONS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return options


def main() -> int:
    options = read_options()
    chosen = options.chosen
    if options.scale != 1:
        print(f"Entries, revisions and watchers times {options.scale:g}: the budgets below mean nothing\n")
    os.environ["API_RATE_PER_S"] = "0"
    group, etcd = RealGroup(), None
    try:
        group.up()
        if "floors" in chosen:
            floors(group)
        if "idle" in chosen:
            idle(group)
        if "pages" in chosen:  # before others add ten times as many entries
            pages(group, options.scale)
        if {"writes", "reads", "watch", "failover", "switches"} & set(chosen):
            etcd = start_if_installed()
        if {"writes", "reads", "sizes"} & set(chosen):
            loads = Loads(group, etcd, options.seconds, options.rounds)
            if "writes" in chosen:
                loads.writes([int(count) for count in options.outstanding.split(",")])
            if "reads" in chosen:
                loads.reads()
        if "watch" in chosen:
            delays(group, etcd)
            idle_watchers(group, options.scale)
        if "sizes" in chosen:
            loads.sizes(options.scale)
        if "history" in chosen:
            history(group, options.scale)
        if "failover" in chosen:
            failover(group, etcd, options.rounds)
        if "switches" in chosen:
            switches(group, etcd, options.kills)
        if "catchup" in chosen:
            catchup(group, options.behind)
    finally:
        if etcd is not None:
            etcd.stop()
        group.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
