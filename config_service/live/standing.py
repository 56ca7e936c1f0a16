"""How this node stands in its group, as its runtime last published it, kept for the event loop.

Asked for only while somebody wants to know. An answer that is a moment old tells a greater age than the latest one
would, never a smaller one.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor

from consensus.group_commands import ACTIVE
from consensus.services import GroupView

FRESH_S = 0.2
USABLE_S = 1.0


class Standing:
    """``view`` asks Redis or Postgres, which may block, so it runs in ``pool``."""

    def __init__(self, view: Callable[[], GroupView], pool: Executor):
        self._ask = view
        self._pool = pool
        self._view: GroupView | None = None
        self._asked_s = 0.0
        self._asking: asyncio.Future[None] | None = None

    async def look(self) -> GroupView:
        """What is known, at most `USABLE_S` old."""
        old_s = time.monotonic() - self._asked_s
        while self._view is None or old_s > FRESH_S:
            if self._asking is None:
                self._asking = asyncio.ensure_future(self._refresh())
            if self._view is not None and old_s <= USABLE_S:
                break
            await asyncio.shield(self._asking)
            old_s = 0.0
        return self._view

    def forget(self) -> None:
        """Ask anew the next time: what is known may be from long ago."""
        self._view = None

    async def _refresh(self) -> None:
        try:
            asked_s = time.monotonic()
            self._view = await asyncio.get_running_loop().run_in_executor(self._pool, self._ask)
            self._asked_s = asked_s
        finally:
            self._asking = None

    async def age_ms(self) -> int | None:
        """Since this node last heard from a leader; None: never."""
        view = await self.look()
        if view.leader_heard_ms is None:
            return None
        return view.leader_heard_ms + int(1000 * (time.monotonic() - self._asked_s))


def state(view: GroupView) -> str:
    """This node's own: active, draining or drained."""
    own = view.member(view.node)
    return own.state if own else ACTIVE
