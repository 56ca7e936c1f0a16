"""The sending half of the client: pushes requests onto the runtime's list and learns later whether Redis took them.

Nobody waits for the reply to a push: the answer to the request follows anyway. Replies are looked at with the next
push, with the next answers, and when an answer is late; only then does it matter whether Redis is there.

Nobody waits for a connection either: a thread of its own makes one. One silence proves nothing, since a machine that
stood still looks like a server that did. So what was on its way when a connection was lost is sent once more.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import redis

from consensus import keys
from consensus.conf import NodeConfig
from consensus.redis_io import REPLY_TIMEOUT_S, Link
from consensus.requests import REPEATABLE, Request
from consensus.wire import encode

# Requests that no runtime took for so long are gone: their callers have given up.
REQUESTS_KEPT_S = 10
FAILURES = (redis.RedisError, OSError)


@dataclass(frozen=True, slots=True)
class _Batch:
    requests: list[Request]
    # It was sent before, and nobody knows whether it arrived.
    again: bool = False


class Asking(Protocol):
    """Whoever waits for the answers."""

    def fail(self, requests: list[Request], reason: str, certain: bool) -> None:
        """These will get no answer. ``certain``: they did not arrive."""

    def still_wanted(self, requests: list[Request]) -> list[Request]:
        """Those of ``requests`` that somebody waits for. They are about to be sent once more, so a refusal of any of
        them says nothing about the one that was sent before."""

    def exclusively(self, work: Callable[[], None]) -> None:
        """Run ``work``, of a thread of the sender's own, while nobody else uses the sender."""


class RequestSender:
    """For one thread at a time."""

    def __init__(self, config: NodeConfig, asking: Asking):
        self._url = config.redis_url
        self._key = keys.requests(config.group, config.node)
        self._asking = asking
        self._link: Link | None = None
        self._dialling = False
        # What waits for a connection.
        self._held: list[_Batch] = []
        # Pushed, and Redis has not said anything yet: when, and what.
        self._unconfirmed: deque[tuple[float, _Batch]] = deque()
        self._expires = False

    def send(self, requests: list[Request]) -> None:
        # A connection that died while nobody used it would make the outcome of this sending look unknown.
        self.confirm()
        self._push(_Batch(requests))

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

    def _push(self, batch: _Batch) -> None:
        if self._link is None:
            self._held.append(batch)
            self._dial()
            return
        self._unconfirmed.append((time.monotonic(), batch))
        try:
            self._link.send(("RPUSH", self._key, encode(batch.requests)), ("EXPIRE", self._key, REQUESTS_KEPT_S))
        except FAILURES:
            self._lose()

    def _take(self, reply: object) -> None:
        """Each push has two replies: its own, and that of the time it is kept."""
        if not self._expires:
            _, batch = self._unconfirmed.popleft()
            if isinstance(reply, redis.ResponseError):
                self._asking.fail(batch.requests, f"this node's Redis refuses requests: {reply}", not batch.again)
        self._expires = not self._expires

    def _lose(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link, self._expires = None, False
        lost = [batch for _, batch in self._unconfirmed]
        self._unconfirmed.clear()
        for batch in lost:
            again: list[Request] = []
            gone: list[Request] = []
            for request in batch.requests:
                (gone if batch.again or not isinstance(request, REPEATABLE) else again).append(request)
            self._asking.fail(gone, "this node's Redis does not answer", False)
            if again := self._asking.still_wanted(again):
                self._push(_Batch(again, again=True))

    # --- connecting ------------------------------------------------------------------------------------------------
    def _dial(self) -> None:
        if not self._dialling:
            threading.Thread(target=self._dial_now, name="consensus-dial", daemon=True).start()
            self._dialling = True

    def _dial_now(self) -> None:
        """In a thread of its own. A server that is away says so at once; only one that is silent is asked again."""
        try:
            try:
                link = self._connect()
            except (redis.TimeoutError, TimeoutError):
                link = self._connect()
        except Exception as error:
            reason = f"this node's Redis cannot be reached: {error}"
            self._asking.exclusively(lambda: self._dialled(None, reason))
        else:
            self._asking.exclusively(lambda: self._dialled(link, ""))

    def _connect(self) -> Link:
        """That the system has taken a connection says nothing about the server."""
        link = Link(self._url)
        try:
            link.run(("PING",))
        except BaseException:
            link.close()
            raise
        return link

    def _dialled(self, link: Link | None, reason: str) -> None:
        self._dialling, self._link = False, link
        held, self._held = self._held, []
        for batch in held:
            if link is None:
                self._asking.fail(batch.requests, reason, not batch.again)
            else:
                self._push(batch)
