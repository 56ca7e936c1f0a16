"""Redis connections that fail fast, and threads that push so that nobody else has to wait.

The library's defaults retry for seconds; here a lost message is cheaper than a late one. A `Pusher` owns one
connection and one thread: what piles up while it is busy goes out in one round trip, what piles up beyond its bound,
or while the server is away, is dropped and counted.
"""

import contextlib
import logging
import queue
import random
import threading
from collections.abc import Callable, Sequence

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

logger = logging.getLogger(__name__)

Command = tuple[bytes | str | int, ...]
MAX_WAITING = 4096


def connect(url: str) -> redis.Redis:
    """A pooled client without retries, for the occasional command of any thread."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=0.2,
        socket_timeout=0.4,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


class Link:
    """One connection, for one thread: several commands in one write, their replies in one read.

    The pieces are the library's; what is left out is what it does around every command (pools, retries, callbacks),
    which costs more than the command. After any exception the link is dead: close it and make another.
    """

    def __init__(self, url: str, timeout_s: float = 0.4):
        pool = redis.ConnectionPool.from_url(
            url,
            socket_connect_timeout=0.2,
            socket_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
        self._connection = pool.make_connection()
        self._connection.connect()

    def pack(self, *commands: Command) -> list[bytes]:
        """Commands ready for `run_packed`; worth keeping where they never change."""
        return [b"".join(self._connection.pack_commands(commands))]

    def run_packed(self, packed: list[bytes], replies: int) -> list:
        self._connection.send_packed_command(packed)
        return [self._connection.read_response() for _ in range(replies)]

    def run(self, *commands: Command) -> list:
        """The replies, in order. Raises `redis.RedisError` or `OSError`."""
        return self.run_packed(self.pack(*commands), len(commands))

    def is_alive(self) -> bool:
        """Whether the server has not closed it meanwhile; asked between commands, when nothing is to be read."""
        try:
            return not self._connection.can_read(0)
        except (redis.RedisError, OSError):
            return False

    def close(self) -> None:
        self._connection.disconnect()


class Pusher(threading.Thread):
    """``render`` turns the items that waited into commands, just before they are sent."""

    def __init__(self, name: str, url: str, render: Callable[[list], Sequence[Command]]):
        super().__init__(name=name, daemon=True)
        self.url = url
        self._render = render
        self._items: queue.SimpleQueue = queue.SimpleQueue()
        self._stopping = False
        self.dropped = 0
        self.failing = False

    def put(self, item: object) -> None:
        """Queue ``item``; never blocks. The oldest goes when too many wait."""
        if self._items.qsize() >= MAX_WAITING:
            with contextlib.suppress(queue.Empty):
                self._items.get_nowait()
                self.dropped += 1
        self._items.put(item)

    def stop(self) -> None:
        self._stopping = True
        self._items.put(None)

    def run(self) -> None:
        link: Link | None = None
        pause_s = 0.02
        while not self._stopping:
            items = self._take()
            if not items:
                continue
            try:
                link = link or Link(self.url)
                if commands := self._render(items):
                    link.run(*commands)
                self.failing, pause_s = False, 0.02
            except (redis.RedisError, OSError) as error:
                if not self.failing:
                    logger.warning("%s: cannot push (%s); dropping until it is back", self.name, error)
                self.failing = True
                self.dropped += len(items)
                if link is not None:
                    link.close()
                    link = None
                self._discard_for(pause_s * random.uniform(0.5, 1.5))
                pause_s = min(pause_s * 2, 0.5)
        if link is not None:
            link.close()

    def _take(self) -> list:
        items = [self._items.get()]
        with contextlib.suppress(queue.Empty):
            while len(items) < MAX_WAITING:
                items.append(self._items.get_nowait())
        return [item for item in items if item is not None]

    def _discard_for(self, seconds: float) -> None:
        """Back off; what comes meanwhile would be stale afterwards, and Raft sends again what matters."""
        threading.Event().wait(seconds)
        with contextlib.suppress(queue.Empty):
            while True:
                if self._items.get_nowait() is None:
                    return
                self.dropped += 1
