"""Redis connections that fail fast. The library's defaults retry for seconds; here a lost message is cheaper than a
late one.

`connect` is for the occasional command, `Link` for a thread that waits for each reply, `channel.Channel` for the
node's thread, which never waits.
"""

from collections.abc import Iterator

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.retry import Retry

Command = tuple[bytes | str | int, ...]
CONNECT_TIMEOUT_S, REPLY_TIMEOUT_S = 0.2, 0.4


def connect(url: str) -> redis.Redis:
    """A pooled client without retries, for the occasional command of any thread."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=REPLY_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


def dial(url: str, timeout_s: float = REPLY_TIMEOUT_S) -> AbstractConnection:
    """One connection, connected and signed in (TLS by ``rediss://``). Raises `redis.RedisError` or `OSError`.

    Protocol 2, so that a server which only allows a peer to push need not allow more.
    """
    pool = redis.ConnectionPool.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        protocol=2,
        driver_info=None,
    )
    connection = pool.make_connection()
    connection.connect()
    return connection


class Link:
    """One connection, for one thread: several commands in one write, their replies in one read.

    The pieces are the library's; what is left out is what it does around every command (pools, retries, callbacks),
    which costs more than the command. After any exception the link is dead: close it and make another.
    """

    def __init__(self, url: str, timeout_s: float = REPLY_TIMEOUT_S):
        self._connection = dial(url, timeout_s)

    def pack(self, *commands: Command) -> list[bytes]:
        """Commands ready for `run_packed`; worth keeping where they never change."""
        return [b"".join(self._connection.pack_commands(commands))]

    def run_packed(self, packed: list[bytes], replies: int) -> list:
        self._connection.send_packed_command(packed)
        return [self._connection.read_response() for _ in range(replies)]

    def run(self, *commands: Command) -> list:
        """The replies, in order. Raises `redis.RedisError` or `OSError`."""
        return self.run_packed(self.pack(*commands), len(commands))

    def send(self, *commands: Command) -> None:
        """Without waiting for the replies; see `replies_now`."""
        self._connection.send_packed_command(self.pack(*commands))

    def replies_now(self) -> Iterator[object]:
        """The replies to what was sent, as far as they are there; an error of the server stands for itself. One by
        one, so that those before the end of a connection count."""
        while self._connection.can_read(0):
            try:
                reply = self._connection.read_response()
            except redis.ResponseError as error:
                reply = error
            yield reply

    def close(self) -> None:
        self._connection.disconnect()
