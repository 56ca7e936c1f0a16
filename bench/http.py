"""Load over HTTP: a number of keep-alive connections, each with one request outstanding. Run as a child process.

One thread over bare sockets, so that the client takes as little of the machine as possible from whom it measures.
"""

import json
import re
import selectors
import socket
import sys
import time
from dataclasses import astuple

from bench.measure import spent_s, summarize

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class _Connection:
    def __init__(self, host: str, port: int, place: int):
        self.socket = socket.create_connection((host, port), timeout=10)
        self.place = place
        self.received = b""
        self.asked_s = 0.0

    def ask(self, request: bytes) -> None:
        self.received = b""
        self.asked_s = time.perf_counter()
        self.socket.sendall(request)

    def read(self) -> int:
        """The status once the answer is complete, else 0."""
        part = self.socket.recv(1 << 16)
        if not part:
            raise ConnectionError("the server closed a connection")
        self.received += part
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return 0
        length = _LENGTH.search(self.received, 0, end + 2)
        if length is None:
            complete = self.received.endswith(b"0\r\n\r\n") or self.received[9:12] in (b"204", b"304")
        else:
            complete = len(self.received) >= end + 4 + int(length[1])
        return int(self.received[9:12]) if complete else 0


def run(
    host: str, port: int, connections: int, seconds: float, requests: list[dict], headers: dict, pids: list[int]
) -> tuple[float, ...]:
    """Cycle through ``requests`` (method, path, body); returns the fields of a `Result`, with what ``pids`` spent."""
    written = [_written(host, port, request, headers) for request in requests]
    latencies: list[float] = []
    failed = 0
    with selectors.DefaultSelector() as selector:
        for place in range(connections):
            connection = _Connection(host, port, place)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        before_s, started = spent_s(pids), time.perf_counter()
        for key in selector.get_map().values():
            key.data.ask(written[key.data.place % len(written)])
        outstanding = connections
        while outstanding:
            for key, _ in selector.select(10):
                connection = key.data
                status = connection.read()
                if not status:
                    continue
                now = time.perf_counter()
                latencies.append(now - connection.asked_s)
                failed += status >= 400
                if now - started < seconds:
                    connection.place += connections
                    connection.ask(written[connection.place % len(written)])
                else:
                    outstanding -= 1
        took_s, used_s = time.perf_counter() - started, spent_s(pids) - before_s
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return astuple(summarize(latencies, took_s, failed, used_s))


def _written(host: str, port: int, request: dict, headers: dict) -> bytes:
    body = (request["body"] or "").encode()
    lines = [f"{request['method']} {request['path']} HTTP/1.1", f"Host: {host}:{port}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or request["method"] not in ("GET", "DELETE"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


if __name__ == "__main__":
    print(json.dumps(run(**json.load(sys.stdin))))
