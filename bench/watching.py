"""Watching: from the acknowledgement of a write to its event, and what watchers cost that nothing happens to."""

import contextlib
import json
import selectors
import socket
import statistics
import threading
import time
import urllib.request
from urllib.parse import urlsplit

import psutil

from bench.etcd import Etcd, encode
from bench.measure import budget, scaled
from config_service.localgroup import processes
from tests.support.group import RealGroup

WRITES = 40
IDLE_WATCHERS = 2000
# The pools of a web process fill up when it is first asked much at a time.
MOST_THREADS = 50
AT_ONCE = 100


class _Streams:
    """Connections that only read. ``seen`` has, for each mark, when each connection had it in what it received."""

    def __init__(self, host: str, port: int, request: bytes, count: int):
        self._selector = selectors.DefaultSelector()
        self._sockets = []
        self._stopping = threading.Event()
        self.mark = b""
        self.seen: list[float] = []
        while len(self._sockets) < count:
            self._open(host, port, request, min(AT_ONCE, count - len(self._sockets)))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _open(self, host: str, port: int, request: bytes, count: int) -> None:
        """A few at a time: more than a node lets wait would be refused."""
        opened = [socket.create_connection((host, port), timeout=10) for _ in range(count)]
        for connection in opened:
            connection.sendall(request)
        for connection in opened:
            begun = connection.recv(1 << 16)
            if not begun.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"a watch was refused: {begun[:200]!r}")
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ)
        self._sockets += opened

    def _read(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(0.1):
                with contextlib.suppress(BlockingIOError):
                    if self.mark in key.fileobj.recv(1 << 16) and self.mark:
                        self.seen.append(time.perf_counter())

    def close(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._selector.close()
        for connection in self._sockets:
            connection.close()


def _delays(streams: _Streams, count: int, write) -> list[float]:
    """Milliseconds from each acknowledgement to each event; less than 0 where the event came first."""
    delays: list[float] = []
    for number in range(WRITES):
        mark = f"mark{number:06}x"
        streams.seen = []
        streams.mark = mark.encode()
        write(mark)
        acknowledged = time.perf_counter()
        deadline = acknowledged + 10
        while len(streams.seen) < count and time.perf_counter() < deadline:
            time.sleep(0.001)
        if len(streams.seen) < count:
            raise RuntimeError(f"{count - len(streams.seen)} of {count} watchers missed a change")
        delays += [1000 * (seen - acknowledged) for seen in streams.seen]
    return delays


def _told(name: str, delays: list[float]) -> float:
    ordered = sorted(delays)
    p50, p99 = statistics.median(ordered), ordered[len(ordered) * 99 // 100]
    print(f"  {name:<34} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms", flush=True)
    return p50


def _our_streams(group: RealGroup, node: str, count: int, query: str) -> _Streams:
    url = urlsplit(group.url(node))
    request = (
        f"GET /api/v1/watch?{query} HTTP/1.1\r\nHost: {url.netloc}\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {group.credentials['token']}\r\n\r\n"
    )
    return _Streams(url.hostname, url.port, request.encode(), count)


def _etcd_streams(etcd: Etcd, port: int, count: int) -> _Streams:
    body = json.dumps({"create_request": {"key": encode("watched")}})
    request = f"POST /v3/watch HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    return _Streams("127.0.0.1", port, request.encode(), count)


def delays(group: RealGroup, etcd: Etcd | None) -> None:
    print(f"Watch: from acknowledged write to delivered event, {WRITES} writes")
    leader = group.leader()
    for count in (1, 100, 1000):
        streams = _our_streams(group, leader, count, "namespace=storefront&prefix=watched")
        try:
            _told(f"ours, {count} watchers", _delays(streams, count, lambda mark: _put(group, leader, mark)))
        finally:
            streams.close()
        if etcd is not None:
            name = etcd.leader()
            streams = _etcd_streams(etcd, etcd.client_ports[name], count)
            try:
                # The gateway tells values in base64, so the mark is looked for as it tells it.
                _told(f"etcd, {count} watchers", _delays_of_etcd(streams, count, etcd, name))
            finally:
                streams.close()
    print(flush=True)


def _delays_of_etcd(streams: _Streams, count: int, etcd: Etcd, name: str) -> list[float]:
    delays: list[float] = []
    for number in range(WRITES):
        value = f"mark{number:06}xy"
        streams.seen = []
        streams.mark = encode(value).encode()
        etcd.put(name, "watched", value)
        acknowledged = time.perf_counter()
        while len(streams.seen) < count and time.perf_counter() < acknowledged + 10:
            time.sleep(0.001)
        delays += [1000 * (seen - acknowledged) for seen in streams.seen]
    return delays


def _put(group: RealGroup, node: str, value: str) -> None:
    group.put(node, "watched", value).raise_for_status()


def idle_watchers(group: RealGroup, scale: float) -> None:
    count = scaled(IDLE_WATCHERS, scale)
    print(f"{count} watchers that nothing happens to, on one node")
    node = group.follower()
    tree = processes.tree(processes.find(group.layout.nodes[node].pid_file("web")))
    before, threads = _memory_mib(tree), sum(one.num_threads() for one in tree)
    streams = _our_streams(group, node, count, "namespace=storefront&prefix=nothing")
    try:
        time.sleep(2)
        after, more = _memory_mib(tree), sum(one.num_threads() for one in tree) - threads
        used = sum(sum(one.cpu_times()[:2]) for one in tree)
        time.sleep(10)
        cpu = 10 * (sum(sum(one.cpu_times()[:2]) for one in tree) - used)
        with urllib.request.urlopen(f"{group.url(node)}/metrics") as answer:
            assert f"config_watchers {count}.0" in answer.read().decode()
    finally:
        streams.close()
    print(f"  web process {before:.0f} -> {after:.0f} MiB, {more} more threads, {cpu:.1f} % of a core")
    budget("under 200 MiB for all of them", after - before < 200)
    budget(f"no thread each: at most {MOST_THREADS} more", more <= MOST_THREADS)
    print(flush=True)


def _memory_mib(tree: list[psutil.Process]) -> float:
    return sum(one.memory_full_info().pss for one in tree) / 2**20
