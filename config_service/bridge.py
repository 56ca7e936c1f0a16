"""Django on threads behind the event loop: whatever the loop does not answer itself is an ordinary, blocking request.

Django's own ASGI handler costs several times as much as its WSGI handler, and asgiref's adapter runs one request at a
time. So a request is read on the loop, answered by Django's WSGI handler in a pool of threads, and sent by the loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any
from urllib.parse import unquote_to_bytes

from django.core import signals
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import close_old_connections, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpResponse, HttpResponseBase
from django.urls import set_script_prefix

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

IN_MEMORY_BYTES = 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024


class Threads(ThreadPoolExecutor):
    """A pool whose threads may use Django's database connections, which belong to the thread that opened them."""

    def __init__(self, most: int, name: str):
        super().__init__(most, name, initializer=self._note)
        self._held: list[BaseDatabaseWrapper] = []

    def _note(self) -> None:
        """In each thread, when it starts."""
        self._held.extend(connections.all())

    def close(self) -> None:
        """Let every thread finish what it does, end it, and close its connections."""
        self.shutdown()
        for connection in self._held:
            connection.inc_thread_sharing()
            connection.close()


class QuestionThreads(Threads):
    """For what begins no request: every piece of work begins as one does, with connections that live."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        return super().submit(self._begin, work, *args, **named)

    @staticmethod
    def _begin(work: Callable[..., Any], *args: Any, **named: Any) -> Any:
        close_old_connections()
        return work(*args, **named)


class DjangoBridge:
    """``refuse`` makes the answer to what is not handed to Django: too large (413), or too many waiting (503)."""

    def __init__(self, pool: Executor, most_waiting: int, refuse: Callable[[int], HttpResponse]):
        self._handler = WSGIHandler()
        self._pool = pool
        self._most_waiting = most_waiting
        self._refuse = refuse
        self.waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send, **extra: object) -> int:
        """Answer a request; returns the status. ``extra`` goes into the request's ``META``."""
        answer = await self.ask(scope, receive, **extra)
        await send_answer(answer, self._pool, send, head=scope["method"] == "HEAD")
        return answer.status_code

    async def ask(self, scope: Scope, receive: Receive, **extra: object) -> HttpResponseBase:
        """Django's answer, not sent yet."""
        if self.is_full:
            return self._refuse(503)
        with self.place(), SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
            length = await _read_body(receive, body)
            if length is None:
                answer = self._refuse(413)
                # What was not read is in the connection still, so that is of no use any more: the client has to know.
                answer["Connection"] = "close"
                return answer
            body.seek(0)
            environ = _environ(scope, body, length) | extra
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._answer, environ)

    @property
    def is_full(self) -> bool:
        return self.waiting >= self._most_waiting

    @contextmanager
    def place(self) -> Iterator[None]:
        """Inside, one more request waits for a thread of the pool, or has one."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    def _answer(self, environ: dict[str, Any]) -> HttpResponseBase:
        """In a thread of the pool, from the beginning to the end, since connections belong to threads."""
        set_script_prefix("/")
        signals.request_started.send(sender=WSGIHandler, environ=environ)
        response = self._handler.get_response(WSGIRequest(environ))
        response._handler_class = WSGIHandler
        if not response.streaming:
            response.close()
        return response


async def _read_body(receive: Receive, body: SpooledTemporaryFile) -> int | None:
    """How long it is; None: longer than anything that is taken. Of that, as much again is read, since whoever is still
    sending does not see an answer."""
    length, more = 0, True
    while more and length <= 2 * MOST_BYTES:
        message = await receive()
        part = message.get("body", b"")
        length, more = length + len(part), message.get("more_body", False)
        if length <= MOST_BYTES:
            body.write(part)
    return length if length <= MOST_BYTES else None


def _environ(scope: Scope, body: object, length: int) -> dict[str, Any]:
    """The request as WSGI (PEP 3333) puts it."""
    host, port = scope.get("server") or ("localhost", 80)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0] if scope.get("client") else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        # A header with an underscore would pass for the one with a dash.
        if b"_" in raw_name:
            continue
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        if name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            name = f"HTTP_{name}"
        value = raw_value.decode("latin-1")
        if name in environ:
            value = f"{environ[name]}{'; ' if name == 'HTTP_COOKIE' else ','}{value}"
        environ[name] = value
    if length or "CONTENT_LENGTH" in environ:
        environ["CONTENT_LENGTH"] = str(length)
    return environ


def headers_of(response: HttpResponseBase) -> Headers:
    found = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    cookies = (cookie.output(header="").strip() for cookie in response.cookies.values())
    return found + [(b"set-cookie", cookie.encode("latin-1")) for cookie in cookies]


async def send_answer(response: HttpResponseBase, pool: Executor, send: Send, head: bool = False) -> None:
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers_of(response)})
    if not response.streaming:
        await send({"type": "http.response.body", "body": b"" if head else response.content})
        return
    loop = asyncio.get_running_loop()
    try:
        parts = iter(response)
        while not head and (part := await loop.run_in_executor(pool, next, parts, None)) is not None:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await loop.run_in_executor(pool, response.close)
