"""The web process's application in this process, on an event loop in a thread of its own."""

import asyncio
import json
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from config_service.asgi import Application
from tests.support.waiting import eventually

TIMEOUT_S = 20


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return dict(self.headers).get(name)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Event:
    """One event of a stream, as a browser would see it."""

    name: str
    id: str
    data: Any


@dataclass
class Stream:
    """An answer that is still coming. ``held``: the reader takes nothing."""

    held: bool = False
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    raw: bytes = b""
    over: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    future: Any = None

    def events(self, *names: str) -> list[Event]:
        found, last_id = [], ""
        for block in self.raw.decode().split("\n\n")[:-1]:
            fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
            last_id = fields.get("id", last_id)
            if "data" in fields and (not names or fields["event"] in names):
                found.append(Event(fields["event"], last_id, json.loads(fields["data"])))
        return found

    def changes(self) -> list[tuple[str, str]]:
        return [(event.data["key"], event.id) for event in self.events("change")]


class Web:
    def __init__(self) -> None:
        self.app = Application()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="web", daemon=True)
        self._thread.start()
        self._lifespan: asyncio.Queue = asyncio.Queue()
        self._reached: list[str] = []
        self._life = self._begin(self.app({"type": "lifespan"}, self._lifespan.get, self._note))
        self._tell("lifespan.startup", "lifespan.startup.complete")
        self.live = self.app._live
        eventually(lambda: self.live.follower.ready)

    async def _note(self, message: dict) -> None:
        self._reached.append(message["type"])

    def _tell(self, message: str, answer: str) -> None:
        self.on_loop(lambda: self._lifespan.put_nowait({"type": message}))
        eventually(lambda: answer in self._reached)

    def close(self) -> None:
        self._tell("lifespan.shutdown", "lifespan.shutdown.complete")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _begin(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def on_loop(self, function: Any) -> Any:
        """Call ``function`` where the application lives."""

        async def call() -> Any:
            return function()

        return self._begin(call()).result(TIMEOUT_S)

    def begin(self, method: str, path: str, headers: dict[str, str], body: bytes = b"", app: Any = None) -> Stream:
        """Ask, and go on while the answer comes."""
        stream = self.on_loop(Stream)
        received = [{"type": "http.request", "body": body}]

        async def receive() -> dict:
            if received:
                return received.pop()
            await stream.gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            if message["type"] == "http.response.start":
                stream.status = message["status"]
                stream.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
                return
            while stream.held and not stream.gone.is_set():
                await asyncio.sleep(0.01)
            stream.raw += message.get("body", b"")
            stream.over = not message.get("more_body", False)

        stream.future = self._begin((app or self.app)(_scope(method, path, headers), receive, send))
        return stream

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"", app: Any = None):
        """Ask, and wait for the whole answer."""
        stream = self.begin(method, path, headers or {}, body, app)
        stream.future.result(TIMEOUT_S)
        assert stream.over
        return Answer(stream.status, stream.headers, stream.raw)

    def leave(self, stream: Stream) -> None:
        """The reader closes its connection."""
        self.on_loop(stream.gone.set)
        stream.future.result(TIMEOUT_S)


def _scope(method: str, target: str, headers: dict[str, str]) -> dict[str, Any]:
    path, _, query = target.partition("?")
    given = {"host": "127.0.0.1:8000"} | {name.lower(): value for name, value in headers.items()}
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
