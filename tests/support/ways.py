"""Ways between processes that can be cut: a small proxy in front of every node's Redis and Postgres.

All nodes know only the proxy's ports. Where something is cut, it finds out which node a connection comes from by
looking whose process holds its other end. A way that is cut carries nothing and breaks nothing off, as a network that
drops everything does: who waits for an answer goes on waiting, and what was sent meanwhile arrives when the way is
mended.

The proxy is a process of its own, so that the threads of a test do not slow it: `python -m tests.support.ways`.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from config_service.localgroup import processes
from config_service.localgroup.layout import BASE_DIR, HOST, GroupLayout, free_ports

SERVERS = ("postgres", "redis")
PROGRAMS = ("worker", "web")


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """From the worker and the web server of ``source`` to a server of ``target``."""

    source: str
    server: str
    target: str


class Ways:
    """Stands between the nodes of ``layout`` from `start` to `stop`; nothing may run yet at `start`."""

    def __init__(self, layout: GroupLayout):
        self._layout = layout
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        nodes = list(self._layout.nodes.values())
        ports = iter(free_ports(len(nodes) * len(SERVERS)))
        for node in nodes:
            node.behind = {server: next(ports) for server in SERVERS}
        self._layout.save()
        argv = [sys.executable, "-m", "tests.support.ways"]
        self._process = subprocess.Popen(
            argv, cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._tell(
            {
                "servers": [
                    (node.name, server, getattr(node, f"{server}_port"), node.behind[server])
                    for node in nodes
                    for server in SERVERS
                ],
                "programs": [(node.name, str(node.pid_file(part))) for node in nodes for part in PROGRAMS],
            }
        )

    def cut(self, ways: list[Way]) -> None:
        """Exactly these are cut now; returns when they are."""
        self._tell([(way.source, way.server, way.target) for way in ways])

    def stop(self) -> None:
        """Ends every connection."""
        if self._process is not None:
            assert self._process.stdin is not None and self._process.stdout is not None
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            self._process = None

    def _tell(self, order: object) -> None:
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer == "done\n", f"the proxy has ended: {answer!r}"


class _Joint:
    """One connection through the proxy, from ``port``; ``source`` is None until it had to be known."""

    def __init__(self, port: int, server: str, target: str):
        self.port = port
        self.server = server
        self.target = target
        self.source: str | None = None
        self.is_open = asyncio.Event()
        self.is_open.set()

    def settle(self, cut: set[Way]) -> None:
        if Way(self.source or "", self.server, self.target) in cut:
            self.is_open.clear()
        else:
            self.is_open.set()


class _Proxy:
    def __init__(self, programs: list[tuple[str, str]]):
        self._programs = [(node, Path(pid_file)) for node, pid_file in programs]
        self._members: list[tuple[str, psutil.Process]] = []
        self._joints: set[_Joint] = set()
        self._cut: set[Way] = set()

    async def cut(self, ways: set[Way]) -> None:
        self._cut = ways
        if ways:
            self._members = await asyncio.to_thread(self._find_members)
            owners = await asyncio.to_thread(self._owners)
            for joint in self._joints:
                joint.source = owners.get(joint.port, "")
        for joint in self._joints:
            joint.settle(ways)

    async def serve(self, target: str, server: str, port: int, behind: int) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            joint = _Joint(writer.get_extra_info("peername")[1], server, target)
            self._joints.add(joint)
            try:
                if self._cut:
                    joint.source = (await asyncio.to_thread(self._owners)).get(joint.port, "")
                    joint.settle(self._cut)
                await _join(joint.is_open, reader, writer, behind)
            finally:
                self._joints.discard(joint)

        await asyncio.start_server(connected, HOST, port)

    def _find_members(self) -> list[tuple[str, psutil.Process]]:
        found = [(node, processes.find(pid_file)) for node, pid_file in self._programs]
        return [(node, member) for node, process in found if process for member in processes.tree(process)]

    def _owners(self) -> dict[int, str]:
        """The node whose process holds the connection that comes from a port."""
        owners = {}
        for node, member in self._members:
            with contextlib.suppress(psutil.Error):
                owners.update({one.laddr.port: node for one in member.net_connections(kind="tcp4")})
        return owners


async def _join(
    is_open: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: int
) -> None:
    await is_open.wait()
    try:
        back_reader, back_writer = await asyncio.open_connection(HOST, behind)
    except OSError:
        writer.transport.abort()
        return
    pumps = {
        asyncio.create_task(_pump(is_open, reader, back_writer)),
        asyncio.create_task(_pump(is_open, back_reader, writer)),
    }
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        for one in (writer, back_writer):
            with contextlib.suppress(OSError, RuntimeError):
                one.close()


async def _pump(is_open: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            await is_open.wait()
            writer.write(data)
            await writer.drain()
        await is_open.wait()


async def _main() -> None:
    loop = asyncio.get_running_loop()

    async def orders():
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            yield json.loads(line)

    proxy: _Proxy | None = None
    async for order in orders():
        if proxy is None:
            proxy = _Proxy(order["programs"])
            for server in order["servers"]:
                await proxy.serve(*server)
        else:
            await proxy.cut({Way(*way) for way in order})
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
