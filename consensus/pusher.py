"""Pushing without waiting: what cannot leave at once waits its turn, within bounds, and leaves together.

What is beyond the bounds, or comes while the server is away, is dropped and counted: it would be stale afterwards,
and whoever needs it sends it again.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import hiredis

from consensus.channel import Channel
from consensus.reactor import Reactor
from consensus.redis_io import Command

MAX_WAITING = 4096
MAX_WAITING_BYTES = 8 << 20
PUSH_BYTES = 1 << 20

Item = TypeVar("Item")


class Pusher(Generic[Item]):
    """Belongs to the reactor's thread. ``render`` turns items that waited into commands, just before they are sent.

    ``weigh`` says about how many bytes an item will take.
    """

    def __init__(
        self,
        reactor: Reactor,
        name: str,
        url: str,
        render: Callable[[list[Item]], Sequence[Command]],
        weigh: Callable[[Item], int],
    ):
        self._render = render
        self._weigh = weigh
        self._items: deque[tuple[Item, int]] = deque()
        self._waiting_bytes = 0
        self._unanswered_items = 0
        self.dropped = 0
        self._channel = Channel(reactor, name, url, self.flush, self._replied, self._lost)

    @property
    def url(self) -> str:
        return self._channel.url

    @property
    def failing(self) -> bool:
        return self._channel.failing

    def put(self, item: Item) -> None:
        """Leave ``item`` for the next `flush`. The oldest go when too many wait."""
        if self.failing and not self._channel.is_open:
            self.dropped += 1
            return
        weight = self._weigh(item)
        self._items.append((item, weight))
        self._waiting_bytes += weight
        while len(self._items) > MAX_WAITING or (self._waiting_bytes > MAX_WAITING_BYTES and len(self._items) > 1):
            self._take_one()
            self.dropped += 1

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        if self._channel.unanswered:
            self._channel.read()
        while self._items and self._channel.is_free:
            items = self._take()
            if commands := self._render(items):
                self._unanswered_items += len(items)
                self._channel.write(b"".join(map(hiredis.pack_command, commands)), len(commands))

    def _take(self) -> list[Item]:
        """As many as make a push of about `PUSH_BYTES`, at least one."""
        items: list[Item] = []
        size = 0
        while self._items and size < PUSH_BYTES:
            size += self._items[0][1]
            items.append(self._take_one())
        return items

    def _take_one(self) -> Item:
        item, weight = self._items.popleft()
        self._waiting_bytes -= weight
        return item

    def _replied(self, reply: object) -> None:
        if not self._channel.unanswered:
            self._unanswered_items = 0

    def _lost(self) -> None:
        """What was sent and not answered may be lost; what waits goes to the next connection, if that comes soon."""
        self.dropped += self._unanswered_items
        self._unanswered_items = 0
        if self._channel.failing:
            self.dropped += len(self._items)
            self._items.clear()
            self._waiting_bytes = 0

    def stop(self) -> None:
        self._channel.close()
