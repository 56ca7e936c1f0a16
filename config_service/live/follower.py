"""Keeps what a web process holds in memory up with what its node has applied.

The runtime tells on channels in the node's Redis how far it has applied; the follower then reads what was applied
from the node's Postgres, in order and complete. A notification that is lost costs time, nothing else: whoever needs
more than is here says so, and the follower looks by itself once a second. After a gap (a snapshot was installed, or
history was compacted past us) and after anything doubtful, everything is read anew.

Nobody waiting, it lets changes come together, since reading many costs little more than reading one.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

import psycopg
import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config_service.live.changes import ChangeReader, Head, Page, end_of
from config_service.live.replica import Replica
from config_service.live.watchers import Watchers
from config_service.live.window import Window
from consensus import keys
from consensus.conf import NodeConfig

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
GATHER_S = 0.1
PATIENCE_S = (0.05, 1.0)
SILENCE_S = 5.0
DATABASE_ERRORS = (psycopg.Error, OSError, TimeoutError)


class Follower:
    """``changed_accounts`` is called when anything about who may do what has changed."""

    def __init__(
        self,
        config: NodeConfig,
        replica: Replica,
        window: Window,
        watchers: Watchers,
        changed_accounts: Callable[[], None],
    ):
        self._at_once = keys.applied(config.group, config.node)
        self._now_and_then = keys.applied_lately(config.group, config.node)
        self._redis_url = config.redis_url
        self._replica = replica
        self._window = window
        self._watchers = watchers
        self._changed_accounts = changed_accounts
        self._reader = ChangeReader()
        self._news, self._hurry = asyncio.Event(), asyncio.Event()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._tasks: list[asyncio.Task] = []
        self._loaded = False
        self.head = Head(0, 0, 0)
        self.known = 0
        self.reloads = 0
        self.failing = ""

    # --- for those who read -----------------------------------------------------------------------------------------
    @property
    def ready(self) -> bool:
        """Whether the replica has been loaded. It may be behind all the same: see `reach`."""
        return self._loaded

    def tell(self, index: int) -> None:
        """This node has applied ``index``, somebody says."""
        if index > self.known:
            self.known = index
            self._news.set()

    async def reach(self, index: int, timeout_s: float) -> None:
        """Wait until the replica contains all up to ``index``. Raises `TimeoutError`."""
        if self._loaded and self._replica.revision >= index:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((index, future))
        self.known = max(self.known, index)
        self._news.set()
        self._hurry.set()
        async with asyncio.timeout(timeout_s):
            await future

    # --- the tasks --------------------------------------------------------------------------------------------------
    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._listen())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reader.close()

    async def _follow(self) -> None:
        pause_s = PATIENCE_S[0]
        while True:
            try:
                await (self._catch_up() if self._loaded else self._load())
                self.failing, pause_s = "", PATIENCE_S[0]
            except DATABASE_ERRORS as error:
                if not self.failing:
                    logger.warning("the follower cannot read its database: %s", str(error).strip() or "no answer")
                self.failing = str(error).strip() or "no answer"
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, PATIENCE_S[1])
                continue
            except Exception:
                logger.exception("the follower met something that it did not expect; reading everything anew")
                self._loaded = False
                await asyncio.sleep(PATIENCE_S[1])
                continue
            await self._wait_for_news()

    async def _wait_for_news(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), LOOK_EVERY_S)
        if not (len(self._watchers) or self._hurry.is_set()):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), GATHER_S)
        self._news.clear()
        self._hurry.clear()

    async def _load(self) -> None:
        """Everything from the tables, as of one revision."""
        self._replica.clear()
        rows = self._reader.entries()
        async with contextlib.aclosing(rows):
            head = await anext(rows)
            async for entries in rows:
                if not self._replica.load(entries):
                    break
                await asyncio.sleep(0)
        self._replica.revision = head.applied
        before = self._window.position
        self._window.restart(head.applied)
        self._watchers.lose(before)
        self._loaded = True
        self.reloads += 1
        self._advance(head)

    async def _catch_up(self) -> None:
        while True:
            page = await self._reader.page(self._window.position)
            if page.head.applied < self._replica.revision:
                # After a crash Postgres may have lost the last that was applied; it is applied again from the log, and
                # comes out the same. What we hold is committed, so it stays until the tables are that far again.
                return
            if self._missed_some(page):
                self._loaded = False
                await self._load()
                return
            revision = page.head.applied if not page.more else page.changes[-1].revision
            self._replica.apply(page.changes, revision)
            before = self._window.position
            self._window.append(page.changes, page.reached)
            self._watchers.announce(page.changes, before)
            self._advance(page.head)
            if not page.more:
                return
            await asyncio.sleep(0)

    def _missed_some(self, page: Page) -> bool:
        return self._window.position < end_of(page.head.oldest)

    def _advance(self, head: Head) -> None:
        if head.accounts != self.head.accounts:
            self._changed_accounts()
            self._watchers.wake_all()
        self.head = head
        self.known = max(self.known, head.applied)
        still = []
        for index, future in self._waiting:
            if future.done():
                continue
            if index <= self._replica.revision:
                future.set_result(None)
            else:
                still.append((index, future))
        self._waiting = still
        if still:
            # Whoever asks for more than was applied when we looked hears of it by the next notification.
            self._hurry.set()

    async def _listen(self) -> None:
        pause_s = PATIENCE_S[0]
        while True:
            try:
                await self._hear()
            except (redis.RedisError, OSError, TimeoutError):
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, PATIENCE_S[1])
            else:
                pause_s = PATIENCE_S[0]

    async def _hear(self) -> None:
        """Until the connection is lost, or so long silent that it may be."""
        client = redis.asyncio.Redis.from_url(
            self._redis_url, socket_connect_timeout=1.0, socket_timeout=2.0, retry=Retry(NoBackoff(), 0)
        )
        async with client, client.pubsub(ignore_subscribe_messages=True) as listener:
            await listener.subscribe(self._now_and_then)
            self._news.set()
            heard_s, at_once = time.monotonic(), False
            while True:
                # Nobody watching, hearing of every single change would only cost.
                if at_once != bool(len(self._watchers)):
                    at_once = not at_once
                    await (listener.subscribe if at_once else listener.unsubscribe)(self._at_once)
                message = await listener.get_message(timeout=SILENCE_S)
                now_s = time.monotonic()
                if message is not None and message["type"] == "message":
                    self.tell(int(message["data"]))
                    heard_s = now_s
                elif message is not None:
                    heard_s = now_s
                elif now_s - heard_s >= SILENCE_S:
                    await asyncio.wait_for(listener.ping(), 1.0)
                    if await listener.get_message(timeout=SILENCE_S) is None:
                        raise TimeoutError
