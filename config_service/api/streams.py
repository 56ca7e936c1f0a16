"""One answer that goes on: a stream of events, from its first to its last. What it tells is for its kind to say."""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from config_service.api.events import event
from config_service.bridge import Headers, Send
from config_service.live.hub import Live
from config_service.live.watching import Ended, Watching

# A reader that does not take what is sent for so long is cut off.
SLOW_S = 10.0
# And after that it may still hear why, if it wakes up.
LAST_WORD_S = 60.0
BEAT_S = 15.0
CHUNK_BYTES = 256 * 1024
Watched = TypeVar("Watched", bound=Watching)


class Stream(ABC, Generic[Watched]):
    """One stream, from its first event to its last."""

    def __init__(self, live: Live, watch: Watched, send: Send, gone: asyncio.Future[None]):
        self._live = live
        self._watch = watch
        self._send = send
        self._gone = gone
        self._told_connected = True
        self._beat_s = time.monotonic() + BEAT_S

    @abstractmethod
    def _start(self) -> bytes:
        """The first event."""

    @abstractmethod
    def _texts(self, news: list) -> Iterable[list[bytes]]:
        """What `Watching.next` gave, as events; those of one list travel together."""

    @abstractmethod
    def _progress(self) -> bytes:
        """Told now and then: how far this watch is, if that has changed."""

    async def run(self, headers: Headers) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            await self._serve()
        except Ended as end:
            await self._end(end.reason, end.detail, **end.more)
        except TimeoutError:
            self._watch.close()
            await self._end("too_slow", f"what was sent was not taken for {SLOW_S:g} s")
        if not self._gone.done():
            with contextlib.suppress(TimeoutError):
                await self._write(b"", last=True)

    async def _serve(self) -> None:
        watch = self._watch
        await self._write(self._start())
        while not self._gone.done():
            await self._tell(await watch.next())
            if self._live.watchers.connected != self._told_connected:
                self._told_connected = self._live.watchers.connected
                await self._write(event("status", {"connected": self._told_connected}))
            if time.monotonic() >= self._beat_s:
                await self._beat()
            elif watch.caught_up:
                await watch.wait(self._beat_s - time.monotonic())

    async def _tell(self, news: list) -> None:
        """As many as make a chunk go at once."""
        chunk: list[bytes] = []
        size = 0
        for texts in self._texts(news):
            chunk += texts
            size += sum(map(len, texts))
            if size >= CHUNK_BYTES:
                await self._write(b"".join(chunk))
                chunk, size = [], 0
        if chunk:
            await self._write(b"".join(chunk))

    async def _beat(self) -> None:
        """A comment, so that both ends know that the other lives."""
        self._beat_s = time.monotonic() + BEAT_S
        await self._write(b": alive\n" + self._progress())

    async def _end(self, reason: str, detail: str, **more: Any) -> None:
        with contextlib.suppress(TimeoutError):
            await self._write(event("end", {"reason": reason, "detail": detail, **more}), patience_s=LAST_WORD_S)

    async def _write(self, data: bytes, last: bool = False, patience_s: float | None = None) -> None:
        """Raises `TimeoutError` where the reader does not take it."""
        async with asyncio.timeout(SLOW_S if patience_s is None else patience_s):
            await self._send({"type": "http.response.body", "body": data, "more_body": not last})
