"""The sending half of the client: pushes requests onto the runtime's list and learns later whether Redis took them.

Nobody waits for the reply to a push: the answer to the request follows anyway. Replies are looked at with the next
push, with the next answers, and when an answer is late; only then does it matter whether Redis is there.
"""

import time
from collections import deque
from collections.abc import Callable

import redis

from consensus import keys
from consensus.conf import NodeConfig
from consensus.redis_io import REPLY_TIMEOUT_S, Link
from consensus.requests import Request
from consensus.wire import encode

# Requests that no runtime took for so long are gone: their callers have given up.
REQUESTS_KEPT_S = 10
FAILURES = (redis.RedisError, OSError)


class RequestSender:
    """For one thread at a time. ``fail(requests, reason)``: these will get no answer.

    With a ``reason`` they certainly did not arrive; with "" they may have.
    """

    def __init__(self, config: NodeConfig, fail: Callable[[list[Request], str], None]):
        self._url = config.redis_url
        self._key = keys.requests(config.group, config.node)
        self._fail = fail
        self._link: Link | None = None
        # Pushed, and Redis has not said anything yet: when, and what.
        self._unconfirmed: deque[tuple[float, list[Request]]] = deque()
        self._expires = False

    def send(self, batch: list[Request]) -> None:
        # A connection that died while nobody used it would make the outcome of this sending look unknown.
        self.confirm()
        try:
            self._link = self._link or Link(self._url)
        except FAILURES as error:
            self._fail(batch, f"this node's Redis cannot be reached: {error}")
            return
        self._unconfirmed.append((time.monotonic(), batch))
        try:
            self._link.send(("RPUSH", self._key, encode(batch)), ("EXPIRE", self._key, REQUESTS_KEPT_S))
        except FAILURES:
            self._lose()

    def confirm(self) -> None:
        """Take the replies that are there."""
        if self._link is None:
            return
        try:
            for reply in self._link.replies_now():
                self._take(reply)
        except FAILURES:
            self._lose()

    def give_up_if_late(self) -> None:
        """A Redis that hangs must not cost a caller its whole deadline."""
        self.confirm()
        if self._unconfirmed and time.monotonic() - self._unconfirmed[0][0] > REPLY_TIMEOUT_S:
            self._lose()

    def _take(self, reply: object) -> None:
        """Each push has two replies: its own, and that of the time it is kept."""
        if not self._expires:
            _, batch = self._unconfirmed.popleft()
            if isinstance(reply, redis.ResponseError):
                self._fail(batch, f"this node's Redis refuses requests: {reply}")
        self._expires = not self._expires

    def _lose(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link, self._expires = None, False
        while self._unconfirmed:
            self._fail(self._unconfirmed.popleft()[1], "")
