"""Bringing a whole group up and down."""

import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from config_service.localgroup import credentials, layout, postgres, processes
from config_service.localgroup.layout import BASE_DIR, GroupLayout, LocalGroupError, NodeLayout
from config_service.localgroup.parts import DATABASE, PARTS, Part, environment, parts_of
from config_service.localgroup.status import outside, why_not_ready

Say = Callable[[str], None]
READY_TIMEOUT_S = 60


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Two commands must not bring the same group up at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise LocalGroupError(f"another command is bringing the group in {folder} up or down") from None
        yield


def open_or_create(folder: Path, count: int, port: int) -> GroupLayout:
    """The group in ``folder``, made if there is none. The web ports move to ``port`` if the group is not running."""
    group = layout.load(folder) or layout.create(folder, count, port)
    if count > len(group.nodes):
        raise LocalGroupError(
            f"the group in {folder} has {len(group.nodes)} nodes, not {count}: add one with `manage.py localgroup add`"
        )
    for i, node in enumerate(group.nodes.values()):
        if Part(group, node, "web").state() == processes.DOWN:
            node.web_port = port + i
            if not layout.is_free(node.web_port):
                raise LocalGroupError(f"port {node.web_port} is taken by another program: choose another --port")
        for part in ("postgres", "redis"):
            if Part(group, node, part).state() == processes.DOWN and not layout.is_free(node.listens_at(part)):
                setattr(node, f"{part}_port", layout.free_ports(1)[0])
    group.save()
    return group


def up(group: GroupLayout, say: Say) -> None:
    """Start what is not running, and wait until every node is ready for traffic."""
    nodes = list(group.nodes.values())
    if not (nodes[0].folder / "created").exists():
        _create_databases(group, say)
    say("starting Postgres and Redis")
    _start(group, nodes, ("postgres", "redis"))
    if not all((node.folder / "created").exists() for node in nodes):
        for node in nodes:
            (node.folder / "created").touch()
    else:
        say("bringing the database schemas up to date")
        _in_parallel(nodes, lambda node: manage(group, node, "migrate", "-v0"))
    say("starting workers and web servers")
    _start(group, nodes, ("worker", "web"))
    say("waiting for a leader")
    deadline = time.monotonic() + READY_TIMEOUT_S
    while waiting := {node.name: reason for node in nodes if (reason := why_not_ready(node))}:
        members = waiting.keys() - outside(group)
        if not members:
            say(f"{', '.join(sorted(waiting))} belongs to no group: `manage.py group add` takes a new node in")
            break
        if time.monotonic() > deadline:
            reasons = "".join(f"\n  {name}: {reason}" for name, reason in waiting.items() if name in members)
            raise LocalGroupError(f"not ready after {READY_TIMEOUT_S} s; see {group.folder}/*/logs{reasons}")
        time.sleep(0.1)
    if not (group.folder / "seeded").exists():
        _seed(group, nodes[0], say)


def add_node(group: GroupLayout, name: str, say: Say) -> NodeLayout:
    """Start a node that names this group's nodes; it asks to join, and waits (``manage.py group add NAME``)."""
    if name in group.nodes:
        raise LocalGroupError(f"there is a node {name} here already")
    node = layout.add(group, name)
    say(f"creating the database of {name}")
    postgres.init(node.postgres_data, group.secrets["postgres"])
    _start(group, [node], ("postgres", "redis"))
    postgres.ensure_database(node.postgres_port, group.secrets["postgres"], DATABASE)
    manage(group, node, "migrate", "-v0")
    (node.folder / "created").touch()
    say(f"starting the worker and the web server of {name}")
    _start(group, [node], ("worker", "web"))
    credentials.ensure(group)
    return node


def _create_databases(group: GroupLayout, say: Say) -> None:
    """One database is made and migrated, then copied for the other nodes: much quicker than migrating each."""
    first, *others = group.nodes.values()
    say("creating the databases (first start only)")
    for node in group.nodes.values():
        shutil.rmtree(node.postgres_data, ignore_errors=True)  # what an interrupted first start may have left
    postgres.init(first.postgres_data, group.secrets["postgres"])
    part = Part(group, first, "postgres")
    part.start()
    part.wait()
    postgres.ensure_database(first.postgres_port, group.secrets["postgres"], DATABASE)
    manage(group, first, "migrate", "-v0")
    part.stop()
    for node in others:
        postgres.copy(first.postgres_data, node.postgres_data)


def _seed(group: GroupLayout, node: NodeLayout, say: Say) -> None:
    say("making the first user and loading examples/shop.yaml")
    made = credentials.ensure(group)
    password_file, token_file = group.folder / "password", group.folder / "token"
    layout.write_private(password_file, made["password"])
    layout.write_private(token_file, made["token"])
    example = str(BASE_DIR / "examples" / "shop.yaml")
    files = ["--password-file", str(password_file), "--token-file", str(token_file)]
    try:
        manage(group, node, "seed", "--file", example, "--username", made["user"], *files)
    finally:
        password_file.unlink()
        token_file.unlink()
    (group.folder / "seeded").touch()


def manage(group: GroupLayout, node: NodeLayout, *arguments: str) -> str:
    """Run a management command as a process of ``node``."""
    done = subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
        env=environment(group, node),
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        output = (done.stderr or done.stdout).strip().splitlines()
        raise LocalGroupError(f"`manage.py {arguments[0]}` failed on {node.name}:\n" + "\n".join(output[-12:]))
    return done.stdout


def _start(group: GroupLayout, nodes: list[NodeLayout], names: tuple[str, ...]) -> None:
    chosen = [Part(group, node, name) for node in nodes for name in names]
    for part in chosen:
        part.start()
    for part in chosen:
        part.wait()


def _in_parallel(nodes: list[NodeLayout], work: Callable[[NodeLayout], object]) -> None:
    with ThreadPoolExecutor(len(nodes)) as pool:
        for future in [pool.submit(work, node) for node in nodes]:
            future.result()


def down(group: GroupLayout) -> None:
    """Stop everything in order: web, workers, then the servers they use; all nodes at once."""
    nodes = list(group.nodes.values())
    for name in reversed(PARTS):
        _in_parallel(nodes, lambda node, name=name: Part(group, node, name).stop())


def kill_all(group: GroupLayout) -> None:
    for node in group.nodes.values():
        for part in parts_of(group, node):
            part.kill()
