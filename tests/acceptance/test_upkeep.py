"""What operators do to a group that is in use costs no request: leadership moves, nodes restart one after the other."""

import time
from pathlib import Path

from tests.linearizability.checker import Verdict
from tests.linearizability.history import Operation
from tests.linearizability.run import Load, record
from tests.linearizability.verify import verify
from tests.support.group import RealGroup
from tests.support.waiting import eventually

LOAD = Load(rest=2, native=1, pause_s=0.02)


def test_leadership_moves_without_a_failed_request(group: RealGroup, tmp_path: Path) -> None:
    def work(progress) -> None:
        for _ in range(4):
            before, target = progress(), group.follower()
            assert group.rest(target, "POST", "group/transfer-leadership", {"to": target}).status_code == 200
            assert group.leader() == target
            eventually(lambda before=before: progress() > before + 100, 30, "clients get on")

    recording = record(group, tmp_path, 2, LOAD, work)
    assert not recording.unexpected, recording.unexpected
    hurt = [operation for operation in recording.operations if operation.failed or not operation.known]
    assert not hurt, f"{len(hurt)} of {len(recording.operations)}: {hurt[:3]}"
    report = verify(recording.operations)
    assert report.verdict is Verdict.YES, report.explain()


def test_a_rolling_restart_fails_no_request_of_the_other_nodes(group: RealGroup, tmp_path: Path) -> None:
    """Nothing is refused but by the node that is away, and nothing that was acknowledged is lost."""
    away: dict[str, tuple[int, int]] = {}

    def work(progress) -> None:
        for node in group.nodes:
            other = next(name for name in group.nodes if name != node)
            assert group.rest(other, "POST", f"group/nodes/{node}/drain").status_code == 200
            eventually(lambda node=node: group.state(node) == "drained", 20, f"{node} drained")
            left_ns = time.monotonic_ns()
            group.act("stop", node)
            before = progress()
            eventually(lambda before=before: progress() > before + 100, 30, "clients of the others get on")
            group.act("start", node)
            assert group.rest(other, "POST", f"group/nodes/{node}/undrain").status_code == 200
            group.wait_ready()
            away[node] = (left_ns, time.monotonic_ns())

    recording = record(group, tmp_path, 3, LOAD, work)
    assert not recording.unexpected, recording.unexpected
    refused = [one for one in recording.operations if one.failed and not _overlaps(one, away[one.node])]
    assert not refused, f"{len(refused)} of {len(recording.operations)}: {refused[:3]}"
    report = verify(recording.operations)
    assert report.verdict is Verdict.YES, report.explain()
    group.wait_level()


def _overlaps(operation: Operation, window_ns: tuple[int, int]) -> bool:
    return operation.start_ns <= window_ns[1] and (operation.end_ns or 0) >= window_ns[0]
