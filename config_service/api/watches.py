"""The answers to watches, on the event loop: streams of events and long polls. No thread and no queue for each."""

import asyncio
import contextlib
import time
from concurrent.futures import Executor
from typing import Any, Protocol

from django.http.response import HttpResponseBase

from config_service.api.entry_stream import EntryAnswers
from config_service.api.problems import problem_response
from config_service.api.renderers import to_json
from config_service.api.streams import Stream
from config_service.api.switch_stream import SwitchAnswers
from config_service.api.switch_watch import SwitchTicket
from config_service.api.watch import Ticket
from config_service.bridge import DjangoBridge, Headers, Receive, Scope, Send, headers_of, send_answer
from config_service.live.hub import Live
from config_service.live.watching import Ended, Watching

POLL_CHANGES = 1000
_STATUS = {"compacted": 410, "not_allowed": 403, "too_many": 413}


class Answers(Protocol):
    """What is special about one kind of watch."""

    def watch(self, live: Live, ticket: Any) -> Watching: ...

    def stream(self, live: Live, watch: Any, send: Send, gone: asyncio.Future[None]) -> Stream: ...

    async def before_poll(self, live: Live, ticket: Any) -> None:
        """Wait until this node is as far as the answer must be."""

    def poll_body(self, watch: Any, found: list[Any]) -> dict[str, Any]:
        """Raises `Ended`."""


class Watches:
    def __init__(self, live: Live, bridge: DjangoBridge, pool: Executor):
        self._live = live
        self._bridge = bridge
        self._pool = pool
        self._answers: dict[type, Answers] = {Ticket: EntryAnswers(), SwitchTicket: SwitchAnswers()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer a request for a watch; returns the status."""
        response = await self._bridge.ask(scope, receive)
        ticket: Ticket | SwitchTicket | None = getattr(response, "ticket", None)
        if ticket is None:
            await send_answer(response, self._pool, send)
            return response.status_code
        answers = self._answers[type(ticket)]
        with contextlib.closing(answers.watch(self._live, ticket)) as watch:
            gone = asyncio.ensure_future(_disconnected(receive))
            gone.add_done_callback(lambda _: watch.wake())
            try:
                if ticket.stream:
                    await answers.stream(self._live, watch, send, gone).run(_stream_headers(response))
                    return 200
                await answers.before_poll(self._live, ticket)
                return await self._poll(answers, watch, ticket, gone, response, send)
            finally:
                gone.cancel()

    async def _poll(
        self,
        answers: Answers,
        watch: Watching,
        ticket: Ticket | SwitchTicket,
        gone: asyncio.Future[None],
        response: HttpResponseBase,
        send: Send,
    ) -> int:
        try:
            found = await _gather(watch, time.monotonic() + ticket.wait_s, gone)
            body = to_json(answers.poll_body(watch, found))
        except Ended as end:
            status = _STATUS.get(end.reason, 503)
            problem = problem_response(status, end.reason, end.detail, **end.more)
            await send_answer(problem, self._pool, send)
            return status
        headers = [*_kept(response, b"content-length"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return 200


async def _gather(watch: Watching, until_s: float, gone: asyncio.Future[None]) -> list[Any]:
    """What there is, waiting for the first of it until ``until_s``."""
    found: list[Any] = []
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
