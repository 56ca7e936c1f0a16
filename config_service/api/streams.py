"""The answers to watches, on the event loop: streams of events and long polls. No thread and no queue for each.

Ids: a revision's last event has the revision as its id; where one revision (a transaction) changes several entries,
those before it have ids of the form ``REVISION.PLACE``. So wherever a stream breaks, resuming after the last id that
arrived neither loses nor repeats anything.
"""

import asyncio
import contextlib
import time
from concurrent.futures import Executor
from typing import Any

from django.http.response import HttpResponseBase

from config_service.api.events import EventTexts, event, event_body, event_id
from config_service.api.problems import problem_response
from config_service.api.renderers import to_json
from config_service.api.watch import Ticket
from config_service.bridge import DjangoBridge, Headers, Receive, Scope, Send, headers_of, send_answer
from config_service.entries.snapshots import ChangeSnapshot
from config_service.live.hub import Live
from config_service.live.watch import Ended, Watch

# A reader that does not take what is sent for so long is cut off.
SLOW_S = 10.0
# And after that it may still hear why, if it wakes up.
LAST_WORD_S = 60.0
BEAT_S = 15.0
# How long a poll waits for what its node had applied when it was asked.
CATCH_UP_S = 2.0
CHUNK_BYTES = 256 * 1024
POLL_CHANGES = 1000
_STATUS = {"compacted": 410, "not_allowed": 403}


class Watches:
    def __init__(self, live: Live, bridge: DjangoBridge, pool: Executor):
        self._live = live
        self._bridge = bridge
        self._pool = pool
        self._texts = EventTexts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer a request for a watch; returns the status."""
        response = await self._bridge.ask(scope, receive)
        ticket: Ticket | None = getattr(response, "ticket", None)
        if ticket is None:
            await send_answer(response, self._pool, send)
            return response.status_code
        with contextlib.closing(
            Watch(self._live, ticket.credential, ticket.namespace, ticket.prefix, ticket.after)
        ) as watch:
            gone = asyncio.ensure_future(_disconnected(receive))
            gone.add_done_callback(lambda _: watch.wake())
            try:
                if ticket.stream:
                    await Stream(self._live, watch, self._texts, send, gone).run(_stream_headers(response))
                    return 200
                return await self._poll(watch, ticket, gone, response, send)
            finally:
                gone.cancel()

    async def _poll(
        self, watch: Watch, ticket: Ticket, gone: asyncio.Future[None], response: HttpResponseBase, send: Send
    ) -> int:
        with contextlib.suppress(TimeoutError):
            await self._live.follower.reach(ticket.revision, CATCH_UP_S)
        try:
            changes = await _gather(watch, time.monotonic() + ticket.wait_s, gone)
        except Ended as end:
            status = _STATUS.get(end.reason, 503)
            problem = problem_response(status, end.reason, end.detail, **end.more)
            await send_answer(problem, self._pool, send)
            return status
        body = to_json({"revision": watch.revision, "items": [event_body(change) for change in changes]})
        headers = [*_kept(response, b"content-length"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return 200


async def _gather(watch: Watch, until_s: float, gone: asyncio.Future[None]) -> list[ChangeSnapshot]:
    """What there is, waiting for the first of it until ``until_s``."""
    found: list[ChangeSnapshot] = []
    while not gone.done() and len(found) < POLL_CHANGES:
        for changes in await watch.next():
            found.extend(changes)
        left_s = until_s - time.monotonic()
        if (watch.caught_up and found) or (left_s <= 0 and (watch.caught_up or watch.failing)):
            break
        if watch.caught_up:
            await watch.wait(left_s)
    return found


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _kept(response: HttpResponseBase, *but: bytes) -> Headers:
    """What the view and the middleware have put on the answer."""
    return [(name, value) for name, value in headers_of(response) if name not in but]


def _stream_headers(response: HttpResponseBase) -> Headers:
    own = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    return own + _kept(response, b"content-length", *(name for name, _ in own))


class Stream:
    """One stream, from its first event to its last."""

    def __init__(self, live: Live, watch: Watch, texts: EventTexts, send: Send, gone: asyncio.Future[None]):
        self._live = live
        self._watch = watch
        self._texts = texts
        self._send = send
        self._gone = gone
        self._told_id = ""
        self._told_connected = True
        self._beat_s = time.monotonic() + BEAT_S

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
        start = {"revision": watch.revision, "node": self._live.config.node}
        self._told_id = event_id(watch.position)
        await self._write(event("start", start, self._told_id))
        while not self._gone.done():
            revisions = await watch.next()
            await self._tell(revisions)
            if self._live.watchers.connected != self._told_connected:
                self._told_connected = self._live.watchers.connected
                await self._write(event("status", {"connected": self._told_connected}))
            if time.monotonic() >= self._beat_s:
                await self._beat()
            elif watch.caught_up:
                await watch.wait(self._beat_s - time.monotonic())

    async def _tell(self, revisions: list[list[ChangeSnapshot]]) -> None:
        """Whole revisions travel together, as many as make a chunk."""
        chunk: list[bytes] = []
        size = 0
        for changes in revisions:
            texts = self._texts.revision(changes)
            chunk += texts
            size += sum(map(len, texts))
            self._told_id = str(changes[-1].revision)
            if size >= CHUNK_BYTES:
                await self._write(b"".join(chunk))
                chunk, size = [], 0
        if chunk:
            await self._write(b"".join(chunk))

    async def _beat(self) -> None:
        """A comment, so that both ends know that the other lives; and how far this watch is, if that has changed.

        Then even one that is told nothing for long need not begin again before what was compacted meanwhile.
        """
        self._beat_s = time.monotonic() + BEAT_S
        text = b": alive\n"
        if self._watch.caught_up and (now := event_id(self._watch.position)) != self._told_id:
            self._told_id = now
            text += event("progress", {"revision": self._watch.revision}, now)
        await self._write(text)

    async def _end(self, reason: str, detail: str, **more: Any) -> None:
        with contextlib.suppress(TimeoutError):
            await self._write(event("end", {"reason": reason, "detail": detail, **more}), patience_s=LAST_WORD_S)

    async def _write(self, data: bytes, last: bool = False, patience_s: float | None = None) -> None:
        """Raises `TimeoutError` where the reader does not take it."""
        async with asyncio.timeout(SLOW_S if patience_s is None else patience_s):
            await self._send({"type": "http.response.body", "body": data, "more_body": not last})
