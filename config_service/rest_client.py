"""Asking a node over REST, for commands at the terminal: one clear line when it fails."""

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 15


class RestError(Exception):
    """What the node said, or why it could not be asked. ``status`` is 0 where there was no answer."""

    def __init__(self, detail: str, status: int = 0):
        super().__init__(detail)
        self.status = status


class RestClient:
    """``url`` is any node's address, ``token`` an API token."""

    def __init__(self, url: str, token: str):
        if urlsplit(url).scheme not in ("http", "https"):
            raise RestError(f"{url} is not the address of a node: it begins with http:// or https://")
        self._base = f"{url.rstrip('/')}/api/v1/"
        self._token = token

    def at(self, url: str) -> "RestClient":
        """The same caller, at another node."""
        return RestClient(url, self._token)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer, None where there is none. Raises `RestError`."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self._base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            raise RestError(_problem(error), error.code) from None
        except (urllib.error.URLError, OSError) as error:
            raise RestError(f"{self._base} does not answer: {getattr(error, 'reason', error)}") from None
        return json.loads(raw) if raw else None


def _problem(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.loads(error.read())
        return problem["detail"] or problem["title"]
    except (ValueError, KeyError, TypeError):
        return f"the node answered {error.code} {error.reason}"


def client_from(url: str, token_file: Path | None) -> RestClient:
    """``url`` or $CONFIG_URL; the token from ``token_file`` or $CONFIG_TOKEN."""
    url = url or os.environ.get("CONFIG_URL", "http://127.0.0.1:8001")
    token = token_file.read_text().strip() if token_file else os.environ.get("CONFIG_TOKEN", "")
    if not token:
        raise RestError("an API token is needed: set CONFIG_TOKEN, or name a file with --token-file")
    return RestClient(url, token)
