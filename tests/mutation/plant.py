"""Planting a mutant in a copy of the source, and seeing who notices."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutation.planting import Mutant

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("consensus", "tests/consensus")
STEPS = 2000
# Of processor time, which a busy machine does not use up: what needs more does not end.
LIMIT_S = 240


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one kind of check took a mutant. ``how``: the test, or the invariant, that noticed."""

    caught: bool
    how: str
    seconds: float
    seeds: int = 0


@contextmanager
def planted(mutant: Mutant | None) -> Iterator[Path]:
    """A copy of the source in a temporary folder, with ``mutant`` in it. The checkout is never touched."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        (folder / "tests").mkdir()
        (folder / "tests/__init__.py").touch()
        for part in COPIED:
            shutil.copytree(ROOT / part, folder / part)
        for patch in mutant.patches if mutant else ():
            path = folder / patch.file
            text = path.read_text()
            if text.count(patch.old) != 1:
                raise ValueError(f"{mutant.name}: {patch.old!r} stands {text.count(patch.old)} times in {patch.file}")
            path.write_text(text.replace(patch.old, patch.new))
            for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
                compiled.unlink()
        yield folder


def by_unit_tests(folder: Path) -> Verdict:
    """The tests of the core, without framework or servers."""
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, f"--rootdir={folder}", "-p", "no:django"]
    output, seconds, failed = _run([*command, "-p", "no:cacheprovider", "-x", "-q", "tests/consensus"], folder)
    found = re.search(r"^(?:FAILED|ERROR) \S*?::(\S+)", output, re.MULTILINE)
    return Verdict(failed, found[1] if found else output.strip().splitlines()[-1] if failed else "", seconds)


def by_simulator(folder: Path, seeds: int) -> Verdict:
    """Seeds in order, each with the profile and the size that it stands for, until one fails."""
    command = [sys.executable, "-m", "consensus.simulator", "--stop", "--seed", "1", "--seeds", str(seeds)]
    output, seconds, failed = _run([*command, "--steps", str(STEPS)], folder)
    found = re.search(r"^FAILED: seed (\d+)\n(.*)", output, re.MULTILINE)
    how = found[2] if found else output.strip().splitlines()[-1] if failed and output.strip() else ""
    return Verdict(failed, how, seconds, int(found[1]) if found else seeds)


def _run(command: list[str], folder: Path) -> tuple[str, float, bool]:
    started = time.monotonic()
    limited = ["/bin/sh", "-c", f'ulimit -t {LIMIT_S}; exec "$@"', "sh", *command]
    environment = {**os.environ, "PYTHONPATH": ""}
    done = subprocess.run(limited, cwd=folder, capture_output=True, text=True, env=environment)
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "does not end", time.monotonic() - started, True
    return done.stdout + done.stderr, time.monotonic() - started, done.returncode != 0
