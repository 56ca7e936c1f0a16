"""Where a change comes from, as far as this process can tell: set once at each way in, carried by every proposal."""

import getpass
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.http import HttpRequest, HttpResponse

from consensus.origin import Origin, coming_from

ADMIN, REST, COMMAND = "admin", "rest", "command"
Network = IPv4Network | IPv6Network


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The address of the client itself.

    ``X-Forwarded-For`` is written by anyone who likes to; only what a trusted proxy has added to it counts. So it is
    read from its end, for as long as the addresses are those of trusted proxies.
    """
    address = _plain(peer)
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()] if trusted else []
    while hops and _is_in(address, trusted):
        address = _plain(hops.pop())
    return address


def _plain(text: str) -> str:
    """An address without port or brackets; what is no address becomes "", since it was not a proxy who wrote it."""
    for candidate in (text, text.rpartition(":")[0], text.strip("[]"), text.rpartition("]")[0].lstrip("[")):
        try:
            return str(ip_address(candidate))
        except ValueError:
            continue
    return ""


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    return bool(address) and any(ip_address(address) in network for network in networks)


class OriginMiddleware:
    """First of all, so that whatever a request proposes says where it came from."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        channel = REST if request.path.startswith("/api/") else ADMIN
        forwarded_for = request.headers.get("X-Forwarded-For", "")
        address = client_address(request.META.get("REMOTE_ADDR", ""), forwarded_for, settings.TRUSTED_PROXIES)
        with coming_from(Origin(channel, address)):
            return self._get_response(request)


def of_this_process() -> Origin:
    """For commands: who runs them, and on which machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        user = "unknown"
    return Origin(COMMAND, f"{user}@{socket.gethostname()}")


class ProposingCommand(BaseCommand):
    """Base of management commands that propose."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        with coming_from(of_this_process()):
            return super().execute(*args, **options)
