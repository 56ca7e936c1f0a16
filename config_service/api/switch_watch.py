"""Watching switches over HTTP: what a request asks for. The answer is given on the event loop: see `watches`."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import require
from config_service.api.base import ApiView
from config_service.api.bodies import read_number, read_query
from config_service.api.callers import credential_of
from config_service.api.watch import MAX_WAIT_S, require_watchable, wants_stream
from config_service.errors import Invalid
from config_service.live.authority import Credential
from config_service.live.hub import Live
from config_service.live.switch_seen import Seen, read_seen
from config_service.live.switch_watch import Wanted
from config_service.switches import services
from config_service.switches.stored import SwitchSnapshot
from config_service.switches.validation import NAME, check_name
from consensus import services as consensus_services

_PREFIX = re.compile(rf"(?:{NAME})?")


class SwitchTicket(NamedTuple):
    """``whole``: nothing was seen, so all there is comes first. ``vanished``: see `SwitchWatch`."""

    wanted: Wanted
    seen: Seen
    vanished: Sequence[SwitchSnapshot]
    whole: bool
    wait_s: int
    stream: bool
    credential: Credential


class SwitchWatchView(ApiView):
    def get(self, request: Request) -> Response:
        """Switches as they change: a stream of events with ``Accept: text/event-stream``, else one answer at a time.

        Told is the newest version of each that the caller has not seen, first of all that there are.
        """
        require(request, "read_switches")
        query = read_query(request, "name", "prefix", "seen", "wait_s")
        wanted = _wanted(query)
        wait_s = read_number(query, "wait_s", 0, 0, MAX_WAIT_S)
        text = request.headers.get("Last-Event-ID") or query.get("seen", "")
        view = consensus_services.group_view()
        live = require_watchable(view)
        self.tell_own_view(view)
        seen = read_seen(text, live.config.group) if text else None
        whole = seen is None
        seen = seen or Seen(live.config.group)
        vanished = _vanished(live, seen, wanted)
        response = Response({})
        # Whoever has seen nothing is told at once that there is nothing.
        wait_s = 0 if whole else wait_s
        stream = wants_stream(request)
        response.ticket = SwitchTicket(wanted, seen, vanished, whole, wait_s, stream, credential_of(request))
        return response


def _wanted(query: dict[str, str]) -> Wanted:
    if "name" in query and "prefix" in query:
        raise Invalid.field("prefix", "either name or prefix")
    if "name" in query:
        return Wanted(name=check_name(query["name"]))
    prefix = query.get("prefix", "")
    if not _PREFIX.fullmatch(prefix):
        raise Invalid.field("prefix", f"no name of a switch begins with {prefix!r}")
    return Wanted(prefix=prefix)


def _vanished(live: Live, seen: Seen, wanted: Wanted) -> list[SwitchSnapshot]:
    """What this node does not know may have been deleted, and forgotten, while the caller was away: the group knows."""
    known = live.switches.known()
    unknown = {name: version for name, version in seen.live.items() if name not in known and name in wanted}
    return services.vanished(unknown) if unknown else []
