"""``python -m tests.linearizability [--seconds N] [--faults kill,pause,cut,drain,transfer] [--seed N]``.

Starts a group, lets clients loose on every node, breaks parts meanwhile, and decides what the clients saw. Exits with
0 where it is linearizable, 1 where it is not, 2 where that could not be decided. ``--check FILE`` decides a history
that was kept.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from config_service.localgroup import processes
from tests.linearizability.checker import Limits, Verdict
from tests.linearizability.history import load, save
from tests.linearizability.nemesis import Nemesis
from tests.linearizability.run import Load, Recording, record
from tests.linearizability.verify import verify
from tests.support.group import RealGroup

FAULTS = ("kill", "pause", "cut", "drain", "transfer")
EXIT = {Verdict.YES: 0, Verdict.NO: 1, Verdict.UNDECIDED: 2}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.linearizability", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long faults go on")
    parser.add_argument("--faults", default=",".join(FAULTS), help=f"some of {', '.join(FAULTS)}, or none")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--rest", type=int, default=2, help="REST clients a node")
    parser.add_argument("--native", type=int, default=1, help="clients a node that use consensus.client")
    parser.add_argument("--pause-ms", type=float, default=30.0, help="longest pause of a client between operations")
    parser.add_argument("--keep", type=Path, default=Path("history.jsonl"), help="where a history that fails is kept")
    parser.add_argument("--check", type=Path, help="decide this history and do nothing else")
    options = parser.parse_args()
    if options.check:
        report = verify(load(options.check), Limits(seconds=120))
        print(report.explain())
        return EXIT[report.verdict]
    faults = [name for name in options.faults.split(",") if name not in ("", "none")]
    if unknown := set(faults) - set(FAULTS):
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    print(f"seed {options.seed}", flush=True)
    recording = _record(options, faults)
    return _decide(recording, options.keep)


def _record(options: argparse.Namespace, faults: list[str]) -> Recording:
    group = RealGroup(cuttable=True)
    try:
        group.up()
        started = time.monotonic()

        def say(what: str) -> None:
            print(f"{time.monotonic() - started:7.1f} s  {what}", flush=True)

        def goes_on() -> bool:
            return time.monotonic() - started < options.seconds

        def work(progress) -> None:
            if faults:
                Nemesis(group, random.Random(options.seed), progress, say).run(faults, goes_on)
            while goes_on():
                time.sleep(0.1)

        with tempfile.TemporaryDirectory() as folder:
            load_ = Load(options.rest, options.native, options.pause_ms / 1000)
            return record(group, Path(folder), options.seed, load_, work)
    except AssertionError:
        _show_logs(group)
        raise
    finally:
        group.close()


def _show_logs(group: RealGroup) -> None:
    """The group is about to go, and its logs with it."""
    print(group.status())
    for node in group.layout.nodes.values():
        for part in ("worker", "web", "postgres"):
            print(f"--- {part} of {node.name}\n{processes.tail(node.log(part), 25)}", flush=True)


def _decide(recording: Recording, keep: Path) -> int:
    operations = recording.operations
    unknown = sum(not operation.known for operation in operations)
    failed = sum(operation.failed for operation in operations)
    print(
        f"{len(operations)} operations, {unknown} of unknown outcome, {failed} refused; "
        f"the slowest took {recording.slowest_s:.1f} s",
        flush=True,
    )
    before = time.monotonic()
    report = verify(operations, Limits(seconds=60))
    print(f"{report.explain()} (checked in {time.monotonic() - before:.1f} s)")
    for text in recording.unexpected:
        print(f"not in the contract: {text}")
    if report.verdict is not Verdict.YES:
        save(keep, operations)
        print(f"the history is in {keep}")
    return EXIT[report.verdict] or int(bool(recording.unexpected))


if __name__ == "__main__":
    sys.exit(main())
