"""One run: clients at every node while something goes on, then their histories as one."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from config_service.localgroup.layout import BASE_DIR
from config_service.localgroup.parts import environment
from tests.linearizability.history import Operation, load
from tests.linearizability.workload import NAMESPACE, Assignment
from tests.support.group import RealGroup

PROCESSES_A_NODE = 1_000_000


@dataclass(frozen=True, slots=True)
class Load:
    """For every node: how many clients of each kind, and the longest pause between two operations of one."""

    rest: int = 2
    native: int = 1
    pause_s: float = 0.03


@dataclass(frozen=True, slots=True)
class Recording:
    operations: list[Operation]
    unexpected: list[str]
    slowest_s: float


def record(
    group: RealGroup, folder: Path, seed: int, load_: Load, work: Callable[[Callable[[], int]], None]
) -> Recording:
    """Clients at every node while ``work`` goes on, which is handed a count of the operations so far."""
    made = group.rest(group.leader(), "PUT", f"namespaces/{NAMESPACE}", {})
    assert made.status_code in (200, 201), made.text
    for node in group.nodes:
        seen = group.rest(node, "GET", f"namespaces/{NAMESPACE}?min_revision={made.json()['revision']}")
        assert seen.status_code == 200, seen.text
    started_ns = time.monotonic_ns()
    paths = {node: folder / f"{node}.jsonl" for node in group.nodes}
    recorders = []
    for i, (node, path) in enumerate(paths.items()):
        first = i * PROCESSES_A_NODE
        assignment = Assignment(
            node, group.url(node), group.credentials["token"], str(path), load_.rest, load_.native, first, started_ns,
            load_.pause_s, seed,
        )  # fmt: skip
        recorders.append(_start(group, assignment))
    try:
        work(lambda: sum(path.read_bytes().count(b"\n") for path in paths.values() if path.exists()))
    finally:
        reports = [_finish(recorder) for recorder in recorders]
    operations = sorted((one for path in paths.values() for one in load(path)), key=lambda one: one.start_ns)
    unexpected = [text for report in reports for text in report["unexpected"]]
    return Recording(operations, unexpected, max(report["slowest_s"] for report in reports))


def _start(group: RealGroup, assignment: Assignment) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.linearizability.recorder"],
        env=environment(group.layout, group.layout.nodes[assignment.node]) | {"LOG_LEVEL": "WARNING"},
        cwd=BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(assignment)) + "\n")
    process.stdin.flush()
    return process


def _finish(recorder: subprocess.Popen[str]) -> dict:
    told, _ = recorder.communicate(timeout=60)
    assert recorder.returncode == 0, "a recorder failed; its error is above"
    return json.loads(told.splitlines()[-1])
