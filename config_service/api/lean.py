"""Writes of single entries by applications: the view itself, without Django's handler, middleware and DRF around it.

Those take several times as long as all the rest of such a request. Taken is only what is usual: a PUT or DELETE with
a bearer token and a small JSON body. A caller who is refused, and every doubt, goes to Django, before anything was
done. What the view says and what it raises is answered as DRF does, to the byte.
"""

import asyncio
import io
import logging
from collections.abc import Mapping
from concurrent.futures import Executor
from functools import cached_property
from typing import Any, NamedTuple

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.http import QueryDict
from django.urls import Resolver404, resolve
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.response import Response

from config_service.accounts.models import ApiToken, User
from config_service.api.authentication import BearerAuthentication
from config_service.api.base import ApiView
from config_service.api.entries import EntryView
from config_service.api.parsers import StrictJsonParser
from config_service.api.problems import handle
from config_service.api.renderers import PROBLEM, to_json
from config_service.api.throttles import caller_of
from config_service.api.usual import FRAME, POLICY, KnownHosts, usual_headers
from config_service.bridge import DjangoBridge, Headers, Receive, Scope, Send, headers_of
from config_service.origins import REST, client_address
from config_service.throttling import Throttle
from consensus.origin import Origin, coming_from

MOST_BYTES = 256 * 1024
_MATTER = frozenset(
    (b"authorization", b"host", b"content-type", b"content-length", b"transfer-encoding", b"x-forwarded-for",
     b"if-match", b"if-none-match", b"idempotency-key")
)  # fmt: skip

requests_logger = logging.getLogger("django.request")


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes


class LeanRequest:
    """As much of DRF's request as the view of an entry looks at."""

    user: User
    auth: ApiToken
    query_params = QueryDict("")

    def __init__(self, method: str, headers: Mapping[bytes, str], body: bytes):
        self.method = method
        self.headers = _ByAnyName({name.decode(): value for name, value in headers.items()})
        self.META = {"HTTP_AUTHORIZATION": headers[b"authorization"]}
        self._body = body

    @cached_property
    def data(self) -> dict[str, Any]:
        return StrictJsonParser().parse(io.BytesIO(self._body))


class _ByAnyName(dict[str, str]):
    """Names are in small letters; they are asked for in any."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class LeanWrites:
    def __init__(self, bridge: DjangoBridge, pool: Executor, throttle: Throttle):
        self._bridge = bridge
        self._pool = pool
        self._throttle = throttle
        self._hosts = KnownHosts()
        self.answered = 0

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer; returns the status."""
        headers = self._usual(scope)
        if headers is None:
            return await self._bridge(scope, receive, send)
        messages = [message async for message in _body_of(receive)]
        body = b"".join(message.get("body", b"") for message in messages)
        answer = None
        if messages[-1]["type"] == "http.request" and len(body) <= MOST_BYTES:
            with self._bridge.place():
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(self._pool, self._answer, scope, headers, body)
        if answer is None:
            return await self._bridge(scope, _again(messages, receive), send)
        self.answered += 1
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})
        return answer.status

    def _usual(self, scope: Scope) -> dict[bytes, str] | None:
        """The headers that matter, if this may be one for us."""
        if scope["query_string"] or scope["raw_path"] != scope["path"].encode() or self._bridge.is_full:
            return None
        headers = usual_headers(scope["headers"], _MATTER)
        if headers is None or b"transfer-encoding" in headers or headers.get(b"host", "") not in self._hosts:
            return None
        length = headers.get(b"content-length", "0")
        if not (length.isascii() and length.isdigit() and int(length) <= MOST_BYTES):
            return None
        if scope["method"] == "PUT" and (length == "0" or headers.get(b"content-type") != "application/json"):
            return None
        return headers

    def _answer(self, scope: Scope, headers: Mapping[bytes, str], body: bytes) -> Answer | None:
        """In a thread of the pool. None: nothing was done, and Django is to answer."""
        peer = scope["client"][0] if scope.get("client") else ""
        address = client_address(peer, headers.get(b"x-forwarded-for", ""), settings.TRUSTED_PROXIES)
        close_old_connections()
        try:
            with coming_from(Origin(REST, address)):
                request = LeanRequest(scope["method"], headers, body)
                try:
                    found, caller = resolve(scope["path"]), BearerAuthentication().authenticate(request, patient=False)
                except (Resolver404, APIException, DatabaseError):
                    return None
                kind = getattr(found.func, "view_class", None)
                if kind is not EntryView or caller is None:
                    return None
                request.user, request.auth = caller
                if self._throttle.take(caller_of(request)):
                    return None
                return _run(kind(), request, scope["path"], found.kwargs)
        finally:
            close_old_connections()


def _run(view: ApiView, request: LeanRequest, path: str, names: dict[str, str]) -> Answer | None:
    view.setup(request, **names)
    try:
        response = getattr(view, request.method.lower())(request, **names)
    except AuthenticationFailed:  # found out before anything was done
        return None
    except Exception as error:
        response = handle(error, {"view": view})
    response["Allow"] = ", ".join(view.allowed_methods)
    view.tell(response)
    return _rendered(response, path)


def _rendered(response: Response, path: str) -> Answer:
    body = b"" if response.data is None else to_json(response.data)
    if body:
        response["Content-Type"] = PROBLEM if getattr(response, "is_problem", False) else "application/json"
    else:
        del response["Content-Type"]
    if response.status_code >= 500:
        requests_logger.error("%s: %s", response.reason_phrase, path)
    headers = [*headers_of(response), *FRAME, (b"content-length", b"%d" % len(body)), *POLICY]
    return Answer(response.status_code, headers, body)


async def _body_of(receive: Receive):
    """The messages up to the end of the body, or of the connection."""
    length = 0
    while True:
        message = await receive()
        yield message
        length += len(message.get("body", b""))
        if not message.get("more_body") or length > MOST_BYTES:
            return


def _again(messages: list, receive: Receive) -> Receive:
    """What was received already, then the rest."""
    left = iter(messages)

    async def receive_again() -> Any:
        return next(left, None) or await receive()

    return receive_again
