"""A server that listens and does nothing by itself: the test plays what its connections do."""

import socket
from collections.abc import Callable
from contextlib import suppress

from tests.support.waiting import eventually


class Listener:
    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0)
        self.port = self._socket.getsockname()[1]
        self._accepted: list[socket.socket] = []

    def accept(self, meanwhile: Callable[[], object] = lambda: None) -> socket.socket:
        """The next connection; ``meanwhile`` is done again and again until there is one."""
        connection = eventually(lambda: self._next(meanwhile))
        connection.settimeout(20)
        self._accepted.append(connection)
        return connection

    def _next(self, meanwhile: Callable[[], object]) -> socket.socket | None:
        meanwhile()
        with suppress(BlockingIOError):
            return self._socket.accept()[0]
        return None

    def close(self) -> None:
        for one in (*self._accepted, self._socket):
            one.close()


def answering(connection: socket.socket) -> socket.socket:
    """A new connection of a node's, after its Redis has said that it is there."""
    read_until(connection, b"PING")
    connection.sendall(b"+PONG\r\n")
    return connection


def read_until(connection: socket.socket, end: bytes) -> bytes:
    """All that comes on ``connection`` until ``end`` is among it."""
    data = b""
    while end not in data:
        more = connection.recv(65536)
        assert more, f"closed after {data!r}"
        data += more
    return data
