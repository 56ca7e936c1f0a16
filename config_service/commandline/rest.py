"""A small REST client for the command line: any of several nodes, a token, one clear line for every failure."""

import http.client
import json
import os
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen
from uuid import uuid4

TIMEOUT_S = 30
LONG_TIMEOUT_S = 900
STREAM = "text/event-stream"
DEFAULT_SERVER = "http://127.0.0.1:8001"


class RestError(Exception):
    """``str`` is one line; ``problem`` is the problem document, empty where no node answered."""

    def __init__(self, line: str, problem: dict[str, Any] | None = None):
        super().__init__(line)
        self.problem = problem or {}


class Rest:
    """Asks the first of ``servers`` that answers. A write carries an idempotency key, so that asking the next node
    after a broken connection is harmless."""

    def __init__(self, servers: list[str], token: str):
        self._servers = servers
        self._token = token

    def at(self, server: str) -> "Rest":
        """The same caller, at this node alone."""
        return Rest([server], self._token)

    def request(
        self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None, **headers: str
    ) -> Any:
        """``path`` below ``/api/v1/``, quoted. Returns the decoded answer, None where it is empty."""
        data = None if body is None else json.dumps(body).encode()
        return self._ask(method, path, data, query, headers, _decoded)

    def download(self, path: str, query: dict[str, Any]) -> tuple[bytes, int]:
        """A file, and the revision that it is of."""
        return self._ask("GET", path, None, query, {}, lambda got: (got.read(), int(got.headers["Config-Revision"])))

    def fetch(self, path: str, query: dict[str, Any], read: Callable[[http.client.HTTPResponse], Any]) -> Any:
        """What ``read`` makes of the answer, which may take long to come and to read."""
        return self._ask("GET", path, None, query, {}, read, LONG_TIMEOUT_S)

    def upload_piece(self, path: str, data: bytes, query: dict[str, Any]) -> dict[str, Any]:
        """Send bytes; what the node does with them may take long."""
        headers = {"Content-Type": "application/octet-stream"}
        return self._ask("POST", path, data, query, headers, _decoded, LONG_TIMEOUT_S)

    def upload(
        self,
        path: str,
        data: bytes,
        query: dict[str, Any],
        progress: Callable[[dict[str, Any]], None] | None = None,
    ) -> dict[str, Any]:
        """Send a file. With ``progress``, which is told of each step, the answer comes at the end of a stream."""
        headers = {"Content-Type": "application/octet-stream"}
        if progress is None:
            return self._ask("POST", path, data, query, headers, _decoded)
        headers["Accept"] = STREAM
        return self._ask("POST", path, data, query, headers, lambda got: _last_event(got, progress))

    def _ask(
        self,
        method: str,
        path: str,
        data: bytes | None,
        query: dict[str, Any] | None,
        headers: dict[str, str],
        read: Callable[[http.client.HTTPResponse], Any],
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        asked = {name: value for name, value in (query or {}).items() if value is not None}
        target = f"/api/v1/{path}" + (f"?{urlencode(asked)}" if asked else "")
        sent = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if method != "GET":
            sent |= {"Idempotency-Key": uuid4().hex, "Content-Type": "application/json"}
        sent |= headers
        failures = []
        for server in self._servers:
            try:
                with urlopen(Request(server.rstrip("/") + target, data, sent, method=method), timeout=timeout_s) as got:
                    return read(got)
            except HTTPError as error:
                with error:
                    problem = _problem(error)
                if error.code != 503:
                    raise RestError(_line(error.code, problem), problem) from None
                failures.append(f"{server}: {_line(error.code, problem)}")
            except (URLError, OSError, http.client.HTTPException, ValueError) as error:
                failures.append(f"{server}: {getattr(error, 'reason', error)}")
        raise RestError("no node could do it: " + "; ".join(failures))

    def pages(self, path: str, query: dict[str, Any], most: int | None = None) -> Iterator[dict[str, Any]]:
        """The items of all pages, at most ``most`` of them."""
        cursor: str | None = None
        left = most
        while True:
            limit = 1000 if left is None else min(left, 1000)
            page = self.request("GET", path, query=query | {"limit": limit, "cursor": cursor})
            yield from page["items"]
            cursor = page["next"]
            if left is not None:
                left -= len(page["items"])
            if cursor is None or (left is not None and left <= 0):
                return


def add_connection(parser: ArgumentParser) -> None:
    """The options that `connect` reads."""
    parser.add_argument("--token-file", type=Path, help="holds an API token (default: CONFIG_TOKEN)")
    parser.add_argument("--server", help=f"nodes, separated by commas (CONFIG_SERVER, else {DEFAULT_SERVER})")


def connect(options: dict[str, Any]) -> Rest:
    return Rest(_servers(options["server"]), _token(options["token_file"]))


def _servers(given: str | None) -> list[str]:
    found = [server.strip() for server in (given or os.environ.get("CONFIG_SERVER") or DEFAULT_SERVER).split(",")]
    for server in found:
        if not server.startswith(("http://", "https://")):
            raise RestError(f"not the address of a node: {server!r}")
    return found


def _token(file: Path | None) -> str:
    try:
        token = file.read_text() if file else os.environ.get("CONFIG_TOKEN", "")
    except (OSError, UnicodeDecodeError) as error:
        raise RestError(f"the token cannot be read: {error}") from error
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise RestError("a token is needed: set CONFIG_TOKEN or give --token-file")
    return token


def entry_path(namespace: str, key: str, more: str = "") -> str:
    return f"{namespace_path(namespace)}/entries/{quote(key, safe='/')}{more}"


def namespace_path(namespace: str) -> str:
    return f"namespaces/{quote(namespace, safe='')}"


def _decoded(answer: http.client.HTTPResponse) -> Any:
    data = answer.read()
    return json.loads(data) if data else None


def _last_event(answer: http.client.HTTPResponse, progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The stream's end. What breaks off, or ends for a reason of this node, is for the next node to do."""
    name = ""
    for line in answer:
        field, _, text = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = text
        elif field == "data":
            body = json.loads(text)
            if name == "done":
                return body
            if name == "problem" and body["status"] == 503:
                raise OSError(_line(503, body))
            if name == "problem":
                raise RestError(_line(body["status"], body), body)
            progress(body)
    raise OSError("the answer broke off")


def _problem(error: HTTPError) -> dict[str, Any]:
    try:
        found = json.loads(error.read())
    except (ValueError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def _line(status: int, problem: dict[str, Any]) -> str:
    detail = str(problem.get("detail") or "the node gave no reason").replace("\n", " ")
    return f"{detail} ({status})"
