"""Pushing without waiting: what cannot leave at once waits its turn, within bounds, and leaves together.

What is beyond the bounds is dropped and counted. So is, unless it is to be kept, what was on its way when a connection
was lost, and what comes while the server is away: it would be stale afterwards, and whoever needs it sends it again.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import hiredis

from consensus.channel import Channel
from consensus.reactor import Reactor
from consensus.redis_io import Command

MAX_WAITING = 4096
MAX_WAITING_BYTES = 8 << 20
PUSH_BYTES = 1 << 20

Item = TypeVar("Item")


@dataclass(slots=True)
class _Waiting(Generic[Item]):
    item: Item
    weight: int
    # It was sent before, and nobody knows whether it arrived.
    again: bool = False


@dataclass(slots=True)
class _Push(Generic[Item]):
    """What was sent together, and how many replies to it are still to come."""

    items: list[_Waiting[Item]]
    replies: int


class Pusher(Generic[Item]):
    """Belongs to the reactor's thread. ``render`` turns items that waited into commands, just before they are sent.

    ``weigh`` says about how many bytes an item will take. What it ``keeps`` goes once more, to the next connection,
    where it may have been lost: for what does no harm when it arrives twice, or late.
    """

    def __init__(
        self,
        reactor: Reactor,
        name: str,
        url: str,
        render: Callable[[list[Item]], Sequence[Command]],
        weigh: Callable[[Item], int],
        keeps: Callable[[Item], bool] = lambda item: False,
    ):
        self._render = render
        self._weigh = weigh
        self._keeps = keeps
        self._items: deque[_Waiting[Item]] = deque()
        self._waiting_bytes = 0
        self._sent: deque[_Push[Item]] = deque()
        self.dropped = 0
        self._channel = Channel(reactor, name, url, self.flush, self._replied, self._lost, freed=self.flush)

    @property
    def url(self) -> str:
        return self._channel.url

    @property
    def failing(self) -> bool:
        return self._channel.failing

    def put(self, item: Item) -> None:
        """Leave ``item`` for the next `flush`. The oldest go when too many wait."""
        if self.failing and not self._channel.is_open and not self._keeps(item):
            self.dropped += 1
            return
        weight = self._weigh(item)
        self._items.append(_Waiting(item, weight))
        self._waiting_bytes += weight
        self._keep_bounds()

    def _keep_bounds(self) -> None:
        while len(self._items) > MAX_WAITING or (self._waiting_bytes > MAX_WAITING_BYTES and len(self._items) > 1):
            self._take_one()
            self.dropped += 1

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        if self._channel.unanswered:
            self._channel.read()
        while self._items and self._channel.is_free:
            items = self._take()
            if commands := self._render([one.item for one in items]):
                self._sent.append(_Push(items, len(commands)))
                self._channel.write(b"".join(map(hiredis.pack_command, commands)), len(commands))

    def _take(self) -> list[_Waiting[Item]]:
        """As many as make a push of about `PUSH_BYTES`, at least one."""
        items: list[_Waiting[Item]] = []
        size = 0
        while self._items and size < PUSH_BYTES:
            size += self._items[0].weight
            items.append(self._take_one())
        return items

    def _take_one(self) -> _Waiting[Item]:
        taken = self._items.popleft()
        self._waiting_bytes -= taken.weight
        return taken

    def _replied(self, reply: object) -> None:
        self._sent[0].replies -= 1
        if not self._sent[0].replies:
            self._sent.popleft()

    def _lost(self) -> None:
        """What was sent and not answered may be lost; what waits goes to the next connection, if that comes soon."""
        maybe_lost = [one for push in self._sent for one in push.items]
        self._sent.clear()
        again = [_Waiting(one.item, one.weight, True) for one in maybe_lost if not one.again and self._keeps(one.item)]
        self.dropped += len(maybe_lost) - len(again)
        self._items.extendleft(reversed(again))
        self._waiting_bytes += sum(one.weight for one in again)
        self._keep_bounds()
        if self._channel.failing:
            kept = [one for one in self._items if self._keeps(one.item)]
            self.dropped += len(self._items) - len(kept)
            self._items = deque(kept)
            self._waiting_bytes = sum(one.weight for one in kept)

    def stop(self) -> None:
        self._channel.close()
