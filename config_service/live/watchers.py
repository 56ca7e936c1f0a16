"""Who watches what in this process. Woken are only those whom a change, or a change of this node's standing, concerns.

A watcher that nothing concerns costs nothing: whatever came before it was woken was not for it, so its position moves
on with the window's (see `Watcher.position`).
"""

import asyncio
import logging
from collections.abc import Sequence

from config_service.entries.snapshots import ChangeSnapshot
from config_service.live.standing import Standing, state
from config_service.live.window import Window
from consensus.group_commands import ACTIVE

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0

Interest = tuple[str, str]


class Watcher:
    """``namespace`` "" is all of them. ``position``: everything up to this id was told, or was not for this watcher."""

    def __init__(self, namespace: str, prefix: str, position: int):
        self.namespace = namespace
        self.prefix = prefix
        self.position = position
        self.pending = False
        self.woken = asyncio.Event()

    @property
    def interest(self) -> Interest:
        return self.namespace, self.prefix

    def wants(self, change: ChangeSnapshot) -> bool:
        return self.namespace in ("", change.namespace) and change.key.startswith(self.prefix)


class Watchers:
    def __init__(self, window: Window, standing: Standing):
        self._window = window
        self._standing = standing
        self._interests: dict[Interest, set[Watcher]] = {}
        self._all: set[asyncio.Event] = set()
        self._ticker: asyncio.Task | None = None
        self.connected = True
        self.draining = False
        self.stopping = False

    def __len__(self) -> int:
        return len(self._all)

    def count(self, namespace: str, key: str) -> int:
        """How many would be woken by a change of this entry. May be asked from any thread."""
        concerned = [
            watchers
            for (watched, prefix), watchers in list(self._interests.items())
            if watched in ("", namespace) and key.startswith(prefix)
        ]
        return sum(map(len, concerned))

    def add(self, watcher: Watcher) -> None:
        """From now on it hears of what concerns it. It is woken once, to look at what came before."""
        self._interests.setdefault(watcher.interest, set()).add(watcher)
        watcher.pending = True
        watcher.woken.set()
        self.join(watcher.woken)

    def remove(self, watcher: Watcher) -> None:
        self.leave(watcher.woken)
        same = self._interests.get(watcher.interest)
        if same is not None:
            same.discard(watcher)
            if not same:
                del self._interests[watcher.interest]

    def join(self, woken: asyncio.Event) -> None:
        """Whatever it watches: it is woken by what concerns everybody."""
        self._all.add(woken)
        if self._ticker is None:
            self._standing.forget()
            self._ticker = asyncio.create_task(self._tick_forever())

    def leave(self, woken: asyncio.Event) -> None:
        self._all.discard(woken)
        if not self._all and self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
            # Nobody looks any more. Whoever comes next was let in by a look of their own.
            self.connected, self.draining = True, False

    def announce(self, changes: Sequence[ChangeSnapshot], before: int) -> None:
        """``changes`` were added to the window, which was at ``before``."""
        if not self._interests or not changes:
            return
        namespaces = {change.namespace for change in changes}
        for (namespace, prefix), watchers in self._interests.items():
            if namespace and namespace not in namespaces:
                continue
            if any(namespace in ("", c.namespace) and c.key.startswith(prefix) for c in changes):
                for watcher in watchers:
                    self._wake(watcher, before)

    def _wake(self, watcher: Watcher, before: int) -> None:
        if not watcher.pending:
            watcher.pending = True
            watcher.position = max(watcher.position, before)
        watcher.woken.set()

    def settle(self, watcher: Watcher) -> None:
        """It has told all that is in the window."""
        watcher.pending = False
        watcher.position = max(watcher.position, self._window.position)

    def lose(self, before: int) -> None:
        """The window starts anew; what came after ``before``, where it was, nobody was told of."""
        for watchers in self._interests.values():
            for watcher in watchers:
                self._wake(watcher, before)

    def wake_all(self) -> None:
        """Something else has happened that may concern everybody."""
        for woken in self._all:
            woken.set()

    def stop(self) -> None:
        """This process ends: all are to be sent away."""
        self.stopping = True
        self.wake_all()

    async def _tick_forever(self) -> None:
        while True:
            try:
                await self._tick()
            except Exception:
                logger.exception("cannot tell how this node stands")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _tick(self) -> None:
        view = await self._standing.look()
        now = (view.connected, state(view) != ACTIVE)
        if now != (self.connected, self.draining):
            self.connected, self.draining = now
            self.wake_all()
