"""Processes that outlive the command that started them, found again by pid file.

A pid file also holds when the process was created, so that a pid which was given to somebody else is never signalled.
Signals go to the whole tree: a paused Postgres is all of its backends.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from config_service.localgroup.layout import BASE_DIR, LocalGroupError

UP, DOWN, PAUSED = "up", "down", "paused"

# What this process started: it is the parent, and has to collect them when they end.
_children: list[subprocess.Popen] = []


def start(
    argv: Sequence[str], env: Mapping[str, str], log: Path, pid_file: Path, user: str | None = None
) -> psutil.Process:
    """Start ``argv`` in a session of its own, so that the terminal's Ctrl-C does not reach it."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            argv,
            env=dict(env),
            cwd=BASE_DIR if user is None else "/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
    _children.append(child)
    process = psutil.Process(child.pid)
    pid_file.write_text(json.dumps({"pid": process.pid, "created": process.create_time()}))
    return process


def find(pid_file: Path) -> psutil.Process | None:
    """The living process that ``pid_file`` names."""
    _collect()
    try:
        stored = json.loads(pid_file.read_text())
        process = psutil.Process(stored["pid"])
        if process.create_time() != stored["created"] or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None
    return process


def _collect() -> None:
    # One by one: parts are started and stopped from several threads, and none may be forgotten while it runs.
    for child in list(_children):
        if child.poll() is not None:
            with contextlib.suppress(ValueError):
                _children.remove(child)


def state(pid_file: Path) -> str:
    process = find(pid_file)
    if process is None:
        return DOWN
    with contextlib.suppress(psutil.NoSuchProcess):
        return PAUSED if process.status() == psutil.STATUS_STOPPED else UP
    return DOWN


def tree(process: psutil.Process) -> list[psutil.Process]:
    """``process`` first, then everything it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def signal_tree(process: psutil.Process, number: int) -> list[psutil.Process]:
    members = tree(process)
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.send_signal(number)
    return members


def _wait_gone(members: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Wait until none of them runs; returns those that still do.

    One that has ended but was not collected by its parent is gone: nobody may ever collect it, where the parent is a
    container's first process.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        _collect()
        alive = [member for member in members if _runs(member)]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def kill(pid_file: Path) -> None:
    """SIGKILL for the whole tree; returns when it is gone."""
    process = find(pid_file)
    if process is not None:
        # Stopped first, so that nothing is started while the tree is being killed.
        members = signal_tree(process, signal.SIGSTOP)
        for member in {*members, *tree(process)}:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        _wait_gone([process, *members], timeout_s=10)
    pid_file.unlink(missing_ok=True)


def stop(pid_file: Path, number: int, timeout_s: float) -> bool:
    """Ask the process to stop, kill what is left after ``timeout_s``. Returns whether it went by itself."""
    process = find(pid_file)
    if process is None:
        pid_file.unlink(missing_ok=True)
        return True
    members = tree(process)
    signal_tree(process, signal.SIGCONT)
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
    alive = _wait_gone(members, timeout_s)
    for member in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    _wait_gone(alive, timeout_s=5)
    pid_file.unlink(missing_ok=True)
    return not alive


def wait_until(ready: Callable[[], bool], timeout_s: float, what: str, alive: Callable[[], bool], log: Path) -> None:
    """Poll ``ready``; fail with the end of ``log`` when the process dies or the time is over."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if not alive():
            raise LocalGroupError(f"{what} did not start. The end of {log}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise LocalGroupError(f"{what} is not ready after {timeout_s:.0f} s. The end of {log}:\n{tail(log)}")
        time.sleep(0.05)


def tail(log: Path, lines: int = 12) -> str:
    if not log.exists():
        return "(empty)"
    with log.open("rb") as file:
        file.seek(max(0, os.path.getsize(log) - 8192))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
