"""Ways between processes that can be cut: a small proxy in front of every node's Redis and Postgres.

All nodes know only the proxy's ports. It finds out which node a connection comes from by looking whose process holds
its other end. A way that is cut carries nothing and breaks nothing off, as a network that drops everything does: who
waits for an answer goes on waiting, and what was sent meanwhile arrives when the way is mended.

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


class _Proxy:
    def __init__(self, programs: list[tuple[str, str]]):
        self._programs = [(node, Path(pid_file)) for node, pid_file in programs]
        self._open: dict[Way, asyncio.Event] = {}
        self._cut: set[Way] = set()
        self._tasks: set[asyncio.Task] = set()

    def cut(self, ways: set[Way]) -> None:
        self._cut = ways
        for way, is_open in self._open.items():
            if way in ways:
                is_open.clear()
            else:
                is_open.set()

    async def serve(self, target: str, server: str, port: int, behind: int) -> None:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            other = writer.get_extra_info("peername")[1]
            source = await asyncio.to_thread(self._owner_of, other)
            await self._join(self._gate(Way(source, server, target)), reader, writer, behind)

        await asyncio.start_server(connected, HOST, port)

    def _gate(self, way: Way) -> asyncio.Event:
        if way not in self._open:
            self._open[way] = asyncio.Event()
            if way not in self._cut:
                self._open[way].set()
        return self._open[way]

    async def _join(
        self, is_open: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behind: int
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
            # A server that was killed has answered nothing, and one that ended its stream has.
            for one in (writer, back_writer):
                with contextlib.suppress(OSError, RuntimeError):
                    one.close()

    def _owner_of(self, port: int) -> str:
        """The node whose process holds the connection that comes from ``port``; "" for everybody else."""
        for node, pid_file in self._programs:
            if (process := processes.find(pid_file)) is None:
                continue
            for member in processes.tree(process):
                with contextlib.suppress(psutil.Error):
                    if any(one.laddr.port == port for one in member.net_connections(kind="tcp4")):
                        return node
        return ""


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
            proxy.cut({Way(*way) for way in order})
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(_main())
