"""Tells the node's runtime, every other second, what this web process has to do: see `consensus.load`."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor

from consensus.client import Client

logger = logging.getLogger(__name__)

EVERY_S = 2.0


class Teller:
    """``watchers`` and ``requests`` are asked on the event loop. Telling may block, so it runs in ``pool``."""

    def __init__(self, client: Client, watchers: Callable[[], int], requests: Callable[[], int], pool: Executor):
        self._client = client
        self._watchers = watchers
        self._requests = requests
        self._pool = pool
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._tell_forever())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _tell_forever(self) -> None:
        told_s = time.monotonic()
        while True:
            await asyncio.sleep(EVERY_S)
            now_s = time.monotonic()
            load = self._client.meter.take(now_s - told_s, self._watchers(), self._requests())
            told_s = now_s
            try:
                await asyncio.get_running_loop().run_in_executor(self._pool, self._client.tell_load, load)
            except Exception:
                logger.exception("cannot tell the runtime what there is to do")
