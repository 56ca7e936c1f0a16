"""One connection to a Redis that its thread never waits for: not to connect, not to write, not for a reply.

Connecting takes a name look-up, perhaps TLS, and a password, which all block: a helper thread does it and hands the
connected socket over. What the socket does not take at once is written when it can be. Replies are read when the
socket is ready (``listens``), or else along with the next write or tick: for a reply that says nothing but "done" it
is not worth waking up. A server that does not answer for `reply_timeout_s` is given up and connected to again.
"""

import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable

import hiredis
import redis
from redis.connection import AbstractConnection

from consensus.reactor import READ, WRITE, Reactor
from consensus.redis_io import REPLY_TIMEOUT_S, dial

logger = logging.getLogger(__name__)

READ_BYTES = 1 << 18
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.5
NOTHING_YET = object()
NOT_NOW = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
FAILURES = (redis.RedisError, hiredis.HiredisError, OSError)


class Channel:
    """``opened``, ``replied``, ``lost`` and ``freed`` are called in the reactor's thread, as is everything here;
    ``freed`` when the socket has taken the rest of what it did not take at once.

    ``failing``: the last attempt to connect, or the last reply, was an error; cleared by the first good reply.
    """

    def __init__(
        self,
        reactor: Reactor,
        name: str,
        url: str,
        opened: Callable[[], None],
        replied: Callable[[object], None],
        lost: Callable[[], None],
        freed: Callable[[], None] = lambda: None,
        reply_timeout_s: float = REPLY_TIMEOUT_S,
        listens: bool = False,
    ):
        self.name = name
        self.url = url
        self.failing = False
        self.unanswered = 0
        self._reactor = reactor
        self._opened, self._replied, self._lost, self._freed = opened, replied, lost, freed
        self._reply_timeout_s = reply_timeout_s
        self._listens = listens
        self._connection: AbstractConnection | None = None
        self._socket: socket.socket | None = None
        self._unsent = memoryview(b"")
        self._progress_s = 0.0
        self._connecting = self._closed = False
        self._pause_s = FIRST_PAUSE_S
        self._connect_at_s = 0.0
        reactor.add(self)
        self._connect()

    # --- for the owner ---------------------------------------------------------------------------------------------
    @property
    def is_open(self) -> bool:
        return self._socket is not None

    @property
    def is_free(self) -> bool:
        """Open, and the socket has taken everything so far."""
        return self._socket is not None and not self._unsent

    def write(self, data: bytes, replies: int) -> None:
        """Send commands that will get ``replies``. Only while `is_free`; never blocks. May lose the connection."""
        if not self.unanswered:
            self._progress_s = time.monotonic()
        self.unanswered += replies
        self._unsent = memoryview(data)
        self._guarded(self._send)

    def read(self) -> None:
        """Take the replies that are there."""
        if self._socket is not None:
            self._guarded(self._receive)

    def close(self) -> None:
        self._closed = True
        self._reactor.remove(self)
        self._drop()

    # --- for the reactor -------------------------------------------------------------------------------------------
    def ready(self) -> None:
        self.read()
        if self._unsent and self._socket is not None:
            self._guarded(self._send)
            if self.is_free:
                self._freed()

    def tick(self, now_s: float) -> None:
        if self._socket is None:
            if not self._connecting and now_s >= self._connect_at_s:
                self._connect()
            return
        self.ready()
        if self.unanswered and now_s - self._progress_s > self._reply_timeout_s and self._socket is not None:
            self._fail(TimeoutError("no answer"))

    # --- connecting ------------------------------------------------------------------------------------------------
    def _connect(self) -> None:
        self._connecting = True
        threading.Thread(target=self._dial, name=f"dial-{self.name}", daemon=True).start()

    def _dial(self) -> None:
        """In the helper thread."""
        try:
            connection = dial(self.url)
            connection.send_command("PING")
            connection.read_response()
        except Exception as error:
            self._reactor.post(lambda error=error: self._refused(error))
        else:
            self._reactor.post(lambda: self._connected(connection))

    def _refused(self, error: Exception) -> None:
        self._connecting = False
        if not self._closed:
            self._fail(error)

    def _connected(self, connection: AbstractConnection) -> None:
        self._connecting = False
        if self._closed:
            connection.disconnect()
            return
        self._connection = connection
        self._socket = connection._get_socket()
        self._socket.setblocking(False)
        self._reader = hiredis.Reader(notEnoughData=NOTHING_YET)
        if self._listens:
            self._reactor.watch(self._socket, READ, self)
        self._opened()

    # --- what may fail ---------------------------------------------------------------------------------------------
    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except FAILURES as error:
            self._fail(error)

    def _send(self) -> None:
        while self._unsent:
            try:
                sent = self._socket.send(self._unsent)
            except NOT_NOW:
                break
            self._unsent = self._unsent[sent:]
            if self._unsent:
                self._progress_s = time.monotonic()
        wanted = (READ if self._listens else 0) | (READ | WRITE if self._unsent else 0)
        self._reactor.watch(self._socket, wanted, self)

    def _receive(self) -> None:
        while True:
            try:
                data = self._socket.recv(READ_BYTES)
            except NOT_NOW:
                return
            if not data:
                raise ConnectionError("closed by the server")
            self._reader.feed(data)
            self._take_replies()
            # TLS may hold more than the system knows of, so there only "not now" means that this is all.
            if self._socket is None or (len(data) < READ_BYTES and not isinstance(self._socket, ssl.SSLSocket)):
                return

    def _take_replies(self) -> None:
        # What is done about a reply may lose the connection.
        while self._socket is not None and (reply := self._reader.gets()) is not NOTHING_YET:
            if isinstance(reply, hiredis.ReplyError):
                raise redis.ResponseError(str(reply))
            self.unanswered -= 1
            self._progress_s = time.monotonic()
            if self.failing:
                logger.info("%s: back", self.name)
            self.failing, self._pause_s = False, FIRST_PAUSE_S
            self._replied(reply)

    def _fail(self, error: Exception) -> None:
        """Give the connection up; another one follows, at once if this one has worked, ever later if not."""
        worked = self._socket is not None and not self.failing and self._pause_s == FIRST_PAUSE_S
        if not self.failing and not worked:
            logger.warning("%s: not reachable (%s)", self.name, error)
        self.failing = not worked
        self._drop()
        self._connect_at_s = time.monotonic()
        if self.failing:
            self._connect_at_s += self._pause_s * random.uniform(0.5, 1.5)
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self._lost()
        if not self.failing:
            self._connect()

    def _drop(self) -> None:
        if self._socket is not None:
            self._reactor.watch(self._socket, 0, self)
            self._connection.disconnect()
        self._connection = self._socket = None
        self._unsent = memoryview(b"")
        self.unanswered = 0
