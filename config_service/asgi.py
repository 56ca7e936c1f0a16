"""The web entry point of one node: one ASGI application on one port.

Watches and the reads of single entries are answered on the event loop, from memory; everything else is Django on
threads (see `bridge`).
"""

import asyncio
import os
import resource
import signal
import threading
from collections.abc import Callable

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config_service.settings")
django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402  (Django first)

from consensus.startup import require_sound_settings  # noqa: E402

require_sound_settings()

from config_service.api import problems  # noqa: E402
from config_service.api.callers import decide  # noqa: E402
from config_service.api.hot import HotReads  # noqa: E402
from config_service.api.lean import LeanWrites  # noqa: E402
from config_service.api.metrics import count  # noqa: E402
from config_service.api.rendering import render_held  # noqa: E402
from config_service.api.watches import Watches  # noqa: E402
from config_service.bridge import DjangoBridge, QuestionThreads, Receive, Scope, Send, Threads  # noqa: E402
from config_service.database import base as database  # noqa: E402
from config_service.live import hub  # noqa: E402
from config_service.live.telling import Teller  # noqa: E402
from config_service.throttling import throttle  # noqa: E402
from consensus import client as consensus_client  # noqa: E402
from consensus import heap  # noqa: E402
from consensus.conf import get_config  # noqa: E402

_API, _NAMESPACES = "/api/v1/", "/api/v1/namespaces/"
_WATCHES = frozenset(("/api/v1/watch", "/api/v1/switches/watch"))
# The few and short questions of the event loop must not wait behind requests that fill the other pool.
LOOP_THREADS = 4


class Application:
    """Callable as ASGI 3.0 says. What needs the event loop is made when it starts."""

    def __init__(self) -> None:
        self._pool = Threads(settings.WEB_THREADS, "django")
        self._loop_pool = QuestionThreads(LOOP_THREADS, "live")
        self._django = DjangoBridge(self._pool, settings.WEB_WAITING_MOST, problems.refusal)
        self._writes = LeanWrites(self._django, self._pool, throttle)
        self._live: hub.Live | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._answer_and_count(scope, receive, send)
            case "lifespan":
                await self._live_and_die(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})

    async def _answer_and_count(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = await self._answer(scope, receive, send)
        count(scope["method"], status)
        if self._live is not None and status < 400 and scope["method"] == "GET" and scope["path"].startswith(_API):
            self._live.client.meter.read()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        path, extra = scope["path"], {}
        if scope["method"] in ("PUT", "DELETE") and path.startswith(_NAMESPACES):
            return await self._writes.answer(scope, receive, send)
        if self._live is not None and scope["method"] == "GET":
            if path in _WATCHES:
                return await self._watches(scope, receive, send)
            if path.startswith(_NAMESPACES) and (status := await self._reads.answer(scope, send, extra)):
                return status
        return await self._django(scope, receive, send, **extra)

    async def _live_and_die(self, receive: Receive, send: Send) -> None:
        await receive()
        self._start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    def _start(self) -> None:
        database.answer_timeout_s = settings.DATABASE_ANSWER_TIMEOUT_S
        _allow_many_connections()
        self._live = live = hub.Live(
            get_config(),
            consensus_client.get_client(),
            self._loop_pool,
            render_held,
            decide,
            settings.REPLICA_MOST_MIB * 2**20,
        )
        self._reads = HotReads(live, throttle)
        self._watches = Watches(live, self._django, self._pool)
        self._teller = Teller(live.client, lambda: len(live.watchers), lambda: self._django.waiting, self._loop_pool)
        heap.settle()
        live.start()
        self._teller.start()
        hub.set_current(live)
        _when_told_to_stop(live.watchers.stop)

    async def _stop(self) -> None:
        live, self._live = self._live, None
        hub.set_current(None)
        if live is not None:
            live.watchers.stop()
            await self._teller.stop()
            await live.stop()
        await asyncio.to_thread(self._pool.close)
        await asyncio.to_thread(self._loop_pool.close)
        database.answer_timeout_s = None


def _allow_many_connections() -> None:
    """Each watcher is one; the usual soft limit is 1,024 files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _when_told_to_stop(stop: Callable[[], None]) -> None:
    """The server waits for all answers to end before it tells the application to stop, but streams do not end by
    themselves. Its own handlers hang on the event loop's wake-up file, so they go on working beside these."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


application = Application()
