"""``localgroup up`` in the foreground, as ``make up`` runs it: a group of one, to be quick."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config_service.localgroup import layout
from config_service.localgroup.layout import BASE_DIR, free_ports
from config_service.localgroup.parts import parts_of
from tests.support.waiting import eventually


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="config-foreground-"))
    yield made
    group = layout.load(made)
    for node in group.nodes.values() if group else ():
        for part in parts_of(group, node):
            part.kill()
    shutil.rmtree(made, ignore_errors=True)


def states(folder: Path) -> set[str]:
    group = layout.require(folder)
    return {part.state() for node in group.nodes.values() for part in parts_of(group, node)}


def said(output: Path, text: str, timeout_s: float) -> None:
    try:
        eventually(lambda: text in output.read_text(), timeout_s)
    except AssertionError:
        pytest.fail(f"not within {timeout_s} s: {text}, but:\n{output.read_text()}")


def _as_from_a_terminal() -> None:
    """A shell makes what it runs in the background ignore Ctrl-C, and that is handed down; tests may run so."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_the_foreground_group_says_what_dies_and_leaves_no_process_behind(folder: Path, number: int) -> None:
    output = folder / "output"
    argv = [sys.executable, "-u", "manage.py", "localgroup", "up", "--nodes", "1"]
    with output.open("w") as file:
        process = subprocess.Popen(
            [*argv, "--dir", str(folder), "--port", str(free_ports(1)[0])],
            cwd=BASE_DIR,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=dict(os.environ),
            preexec_fn=_as_from_a_terminal,
        )
    try:
        said(output, "Ctrl-C stops the group", 60)
        assert states(folder) == {"up"}
        group = layout.require(folder)
        web = next(part for part in parts_of(group, group.nodes["n1"]) if part.name == "web")
        web.kill()
        said(output, "web of n1 is down", 10)
        process.send_signal(number)
        assert process.wait(30) == 0, output.read_text()
    finally:
        process.kill()
        process.wait()
    assert states(folder) == {"down"}
    assert output.read_text().rstrip().endswith("stopped")
