"""A real group for the acceptance tests: real processes, in a folder and on ports of its own."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import psycopg

from config_service.localgroup import credentials, layout, postgres
from config_service.localgroup import group as groups
from config_service.localgroup.layout import BASE_DIR
from config_service.localgroup.parts import DATABASE, PARTS, Part, environment, parts_of
from config_service.localgroup.status import is_ready, status
from tests.support.waiting import eventually
from tests.support.ways import Way, Ways


class RealGroup:
    """Three nodes; every action names a node and a part, as ``manage.py localgroup`` does.

    With ``cuttable``, the ways between nodes and servers can be cut (`cut`).
    """

    def __init__(self, cuttable: bool = False, size: int = 3) -> None:
        self._cuttable = cuttable
        self._size = size
        self._ways: Ways | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="config-group-"))
        self.port = layout.free_ports(size, neighbours=True)[0]
        self.http = httpx.Client(timeout=10)

    def up(self) -> None:
        self.layout = groups.open_or_create(self.folder, self._size, self.port)
        if self._cuttable and self._ways is None:
            self._ways = Ways(self.layout)
            self._ways.start()
        groups.up(self.layout, lambda step: None)
        self.credentials = credentials.ensure(self.layout)

    def close(self) -> None:
        self.http.close()
        groups.down(self.layout)
        groups.kill_all(self.layout)
        if self._ways is not None:
            self._ways.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def nodes(self) -> list[str]:
        return list(self.layout.nodes)

    def act(self, action: str, node: str, part: str = "all") -> None:
        chosen = [Part(self.layout, self.layout.nodes[node], name) for name in PARTS if part in (name, "all")]
        for one in reversed(chosen) if action in ("kill", "stop") else chosen:
            getattr(one, action)()
            if action == "start":
                one.wait()

    def cut(self, *ways: Way) -> None:
        """Exactly these ways are cut from now on."""
        assert self._ways is not None, "this group was not made cuttable"
        self._ways.cut(list(ways))

    def heal(self) -> None:
        """Everything runs, every node is active and ready, and nothing of the last test is left."""
        if self._ways is not None:
            self.cut()
        for node in self.layout.nodes.values():
            for part in parts_of(self.layout, node):
                part.resume()
                part.start()
        for node in self.layout.nodes.values():
            for part in parts_of(self.layout, node):
                part.wait()
        eventually(lambda: any(is_ready(node) for node in self.layout.nodes.values()), 40, "a ready node")
        for name in self.nodes:
            if self.state(name) != "active":
                assert self.rest(name, "POST", f"group/nodes/{name}/undrain").status_code == 200
        self.wait_ready()
        # A node that has not heard of another one yet would count it as gone, and refuse to drain a third.
        for name in self.nodes:
            eventually(lambda name=name: self._sees_all(name), 20, f"{name} hears from everybody")

    def _sees_all(self, node: str) -> bool:
        members = self.rest(node, "GET", "group").json()["members"]
        return all(member["reachable"] and member["state"] == "active" for member in members)

    def wait_ready(self) -> None:
        for node in self.members():
            eventually(lambda node=node: is_ready(self.layout.nodes[node]), 40, f"{node} ready")

    def status(self) -> dict:
        return status(self.layout)

    def state(self, node: str) -> str:
        return self.status()["nodes"][node]["state"]

    def leader(self) -> str:
        return eventually(lambda: self.status()["leader"], 20, "a leader")

    def follower(self) -> str:
        leader = self.leader()
        return next(node for node in self.nodes if node != leader)

    def url(self, node: str) -> str:
        return self.layout.nodes[node].web_url

    def rest(self, node: str, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["Authorization"] = f"Bearer {self.credentials['token']}"
        return self.http.request(method, f"{self.url(node)}/api/v1/{path}", json=body, headers=headers)

    def put(self, node: str, key: str, value: object, **headers: str) -> httpx.Response:
        return self.rest(node, "PUT", f"namespaces/storefront/entries/{key}", {"value": value}, **headers)

    def get(self, node: str, key: str, query: str = "") -> httpx.Response:
        return self.rest(node, "GET", f"namespaces/storefront/entries/{key}{query}")

    def sql(self, node: str, query: str) -> list[tuple]:
        """Run in a node's own database, behind everybody's back."""
        url = postgres.url(self.layout.nodes[node].postgres_port, self.layout.secrets["postgres"], DATABASE)
        with psycopg.connect(url) as connection:
            done = connection.execute(query)
            return done.fetchall() if done.description else []

    def members(self) -> list[str]:
        """Who belongs to the group: a node that was removed is a node of the folder still."""
        return [member["node"] for member in self.rest(self.leader(), "GET", "group").json()["members"]]

    def rows(self, node: str) -> dict[tuple[str, str], tuple[str, int]]:
        """Every entry of a node's own database: value and revision."""
        found = self.sql(node, "SELECT namespace_id, key, value, revision FROM entries_configentry")
        return {(namespace, key): (value, revision) for namespace, key, value, revision in found}

    def wait_level(self) -> dict[tuple[str, str], tuple[str, int]]:
        """The entries, once all members hold the same ones at the same revisions."""

        held: dict[str, dict] = {}

        def same():
            held.update({node: self.rows(node) for node in self.members()})
            first, *others = held.values()
            return first if all(one == first for one in others) else None

        try:
            return eventually(same, 40, "the same entries on every node")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._differences(held)}") from None

    def _differences(self, held: dict[str, dict]) -> str:
        """What not all nodes hold alike, and how far each has applied the log."""
        told = [f"{node}: applied {self.sql(node, 'SELECT index FROM consensus_appliedstate')}" for node in held]
        names = {name for rows in held.values() for name in rows}
        apart = [name for name in sorted(names) if len({rows.get(name) for rows in held.values()}) > 1]
        told += [f"{name}: { {node: rows.get(name) for node, rows in held.items()} }" for name in apart[:10]]
        return "\n".join([*told, f"{len(apart)} entries differ", str(self.status())])

    def run(self, node: str, *argv: str, timeout_s: float = 60) -> subprocess.CompletedProcess:
        """A command in the environment of ``node``."""
        return subprocess.run(
            [sys.executable, *argv],
            env=environment(self.layout, self.layout.nodes[node]),
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
