"""Where a local group lives, on which ports, with which secrets. Kept in ``group.json``, readable by its owner only."""

import json
import os
import random
import re
import secrets
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path

from config_service.sealing.keys import new_key

BASE_DIR = Path(__file__).resolve().parent.parent.parent
HOST = "127.0.0.1"
PORTS = range(20000, 32000)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


class LocalGroupError(Exception):
    """Something that the person at the terminal can understand and mend."""


@dataclass(slots=True)
class NodeLayout:
    """``behind`` holds the ports on which Postgres and Redis really listen, where something stands in between."""

    name: str
    folder: Path
    web_port: int
    postgres_port: int
    redis_port: int
    behind: dict[str, int] = field(default_factory=dict)

    def listens_at(self, part: str) -> int:
        return self.behind.get(part) or getattr(self, f"{part}_port")

    @property
    def postgres_data(self) -> Path:
        return self.folder / "postgres"

    @property
    def web_url(self) -> str:
        return f"http://{HOST}:{self.web_port}"

    def log(self, part: str) -> Path:
        return self.folder / "logs" / f"{part}.log"

    def pid_file(self, part: str) -> Path:
        return self.folder / f"{part}.pid"


@dataclass(slots=True)
class GroupLayout:
    folder: Path
    group: str
    secrets: dict[str, str]
    nodes: dict[str, NodeLayout] = field(default_factory=dict)

    @property
    def credentials_file(self) -> Path:
        return self.folder / "credentials.json"

    def node(self, name: str) -> NodeLayout:
        if name not in self.nodes:
            raise LocalGroupError(f"there is no node {name} here; the nodes are {', '.join(self.nodes)}")
        return self.nodes[name]

    def save(self) -> None:
        nodes = [{key: value for key, value in asdict(node).items() if key != "folder"} for node in self.nodes.values()]
        write_private(
            self.folder / "group.json",
            json.dumps({"group": self.group, "secrets": self.secrets, "nodes": nodes}, indent=2),
        )


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    temporary = path.with_suffix(".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    temporary.replace(path)


def create(folder: Path, count: int, port: int) -> GroupLayout:
    """Choose names, ports and secrets for a new group."""
    if count < 1:
        raise LocalGroupError("a group has at least one node")
    folder.mkdir(parents=True, exist_ok=True)
    layout = GroupLayout(
        folder=folder,
        group=f"local-{secrets.token_hex(3)}",
        secrets={name: secrets.token_urlsafe(32) for name in ("django", "group", "postgres", "redis")}
        | {"sealing": f"k1:{new_key()}"},
    )
    free = free_ports(2 * count)
    for i in range(count):
        name = f"n{i + 1}"
        layout.nodes[name] = NodeLayout(name, folder / name, port + i, free[2 * i], free[2 * i + 1])
    for node in layout.nodes.values():
        (node.folder / "logs").mkdir(parents=True, exist_ok=True)
    layout.save()
    return layout


def add(group: GroupLayout, name: str) -> NodeLayout:
    """Choose ports for one more node of a group that is there."""
    if not NAME.fullmatch(name):
        raise LocalGroupError(f"{name!r} is no name for a node: letters, digits, '-' and '_'")
    web_port = max(node.web_port for node in group.nodes.values()) + 1
    while not is_free(web_port):
        web_port += 1
    node = NodeLayout(name, group.folder / name, web_port, *free_ports(2))
    (node.folder / "logs").mkdir(parents=True, exist_ok=True)
    group.nodes[name] = node
    group.save()
    return node


def load(folder: Path) -> GroupLayout | None:
    """The group that lives in ``folder``; None if there is none."""
    path = folder / "group.json"
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    nodes = {node["name"]: NodeLayout(folder=folder / node["name"], **node) for node in stored["nodes"]}
    return GroupLayout(folder, stored["group"], stored["secrets"], nodes)


def require(folder: Path) -> GroupLayout:
    layout = load(folder)
    if layout is None:
        raise LocalGroupError(f"there is no local group in {folder}: start one with `manage.py localgroup up`")
    return layout


def free_ports(count: int, neighbours: bool = False) -> list[int]:
    """Ports that nobody listens on now, at random; with ``neighbours``, one after the other.

    They lie below those that systems give to outgoing connections: one of these could take a server's port while the
    server is down.
    """
    if neighbours:
        first = random.choice(PORTS)
        while not all(is_free(port) for port in range(first, first + count)):
            first = random.choice(PORTS)
        return list(range(first, first + count))
    chosen: list[int] = []
    while len(chosen) < count:
        port = random.choice(PORTS)
        if port not in chosen and is_free(port):
            chosen.append(port)
    return chosen


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
