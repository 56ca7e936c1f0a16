"""Rounds of ReadIndex for the event loop: all reads that wait together share one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from consensus.client import Applied

# A read must not use a round that began before it. With two under way, it need not wait for the end of another one.
MOST_AT_ONCE = 2


class ReadRounds:
    """``submit`` begins a round. It talks to Redis, which may block, so it runs in a thread."""

    def __init__(self, submit: Callable[[], "Future[Applied]"]):
        self._submit = submit
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, "read-rounds")
        self._waiting: list[asyncio.Future[int]] = []
        self._running: set[asyncio.Task] = set()

    async def index(self) -> int:
        """An index that contains all that was committed when this was called. Raises `ConsensusError`."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._begin()
        return await future

    def _begin(self) -> None:
        if self._waiting and len(self._running) < MOST_AT_ONCE:
            waiting, self._waiting = self._waiting, []
            task = asyncio.create_task(self._round(waiting))
            self._running.add(task)

    async def _round(self, waiting: list["asyncio.Future[int]"]) -> None:
        try:
            future = await asyncio.get_running_loop().run_in_executor(self._pool, self._submit)
            applied = await asyncio.wrap_future(future)
        except Exception as error:
            failure = error
            _settle(waiting, lambda future: future.set_exception(failure))
        else:
            _settle(waiting, lambda future: future.set_result(applied.index))
        finally:
            self._running.discard(asyncio.current_task())
            self._begin()

    def stop(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _settle(waiting: list["asyncio.Future[int]"], settle: Callable[["asyncio.Future[int]"], None]) -> None:
    for future in waiting:
        if not future.done():
            settle(future)
