"""Watching the web process of a test: beginning a watch, and reading what it told."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from config_service.live import watchers
from tests.service.conftest import Api
from tests.support.asgi import Stream, Web
from tests.support.waiting import eventually

STREAM = {"Accept": "text/event-stream"}


@contextmanager
def watchful_web(settings, monkeypatch) -> Iterator[Web]:
    """A web process that soon sees what nobody tells it."""
    settings.WEB_THREADS = 4
    monkeypatch.setattr(watchers, "LOOK_EVERY_S", 0.05)
    web = Web()
    yield web
    web.close()


@pytest.fixture
def web(transactional_db, direct, settings, monkeypatch):
    with watchful_web(settings, monkeypatch) as web:
        yield web


@pytest.fixture
def put(shop, direct, web):
    """Write, and tell the web process of it, as the runtime does."""

    def write(key: str, value: object = 1, namespace: str = "shop") -> int:
        answer = shop.put(f"namespaces/{namespace}/entries/{key}", {"value": value})
        news(web, direct)
        return answer.json()["revision"]

    return write


def news(web: Web, direct) -> None:
    web.on_loop(lambda: web.live.follower.tell(direct.applied))


def watch(web: Web, api: Api, query: str = "", **headers: str) -> Stream:
    stream = web.begin("GET", f"/api/v1/watch?{query}", api.headers | STREAM | headers)
    eventually(lambda: stream.raw or stream.over)
    return stream


def poll(web: Web, api: Api, query: str):
    return web.ask("GET", f"/api/v1/watch?{query}", api.headers)


def told(stream: Stream, count: int) -> list[tuple[str, str]]:
    eventually(lambda: len(stream.changes()) >= count, what=f"{count} changes in {stream.raw!r}")
    return stream.changes()


def ended(stream: Stream) -> dict:
    eventually(lambda: stream.over)
    return stream.events("end")[-1].data
