"""What the requests of applications usually look like, and the headers of every answer, for those who answer without
Django. What is not usual is Django's."""

from collections.abc import Collection, Iterable

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from config_service.bridge import Headers

MOST_HOSTS = 1000
CONTENT_TYPE: Headers = [(b"content-type", b"application/json")]
# As the middleware puts them, in its order, the length between the two.
FRAME: Headers = [(b"x-frame-options", b"DENY")]
POLICY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]


class KnownHosts:
    """What ``ALLOWED_HOSTS`` says, asked once for each."""

    def __init__(self) -> None:
        self._hosts: set[str] = set()

    def __contains__(self, host: str) -> bool:
        if host in self._hosts:
            return True
        domain, _ = split_domain_port(host)
        allowed = bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
        if allowed and len(self._hosts) < MOST_HOSTS:
            self._hosts.add(host)
        return allowed


def usual_headers(headers: Iterable[tuple[bytes, bytes]], names: Collection[bytes]) -> dict[bytes, str] | None:
    """Those that matter, by name; None where there is a cookie, no token, or anything twice that matters."""
    found: dict[bytes, str] = {}
    for name, value in headers:
        if name in names:
            if name in found:
                return None
            found[name] = value.decode("latin-1")
        elif name == b"cookie":
            return None
    return found if b"authorization" in found else None
