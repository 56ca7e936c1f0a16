"""Watching over HTTP: what a request asks for. The answer, which takes long, is given by `streams` on the event loop.

This view checks everything that can be refused, and documents it. Its answer carries a `Ticket`; a server without an
event loop cannot use that, and says so.
"""

import re
from typing import NamedTuple

from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import require
from config_service.api.base import MAX_REVISION, ApiView
from config_service.api.bodies import read_number, read_query
from config_service.api.callers import credential_of
from config_service.entries import history, selectors, validation
from config_service.entries.models import IDS_PER_REVISION
from config_service.errors import Invalid, Unavailable
from config_service.live import hub, standing
from config_service.live.authority import Credential
from config_service.live.changes import end_of
from consensus import reads
from consensus import services as consensus_services
from consensus.errors import ConsensusError
from consensus.group_commands import ACTIVE

MAX_WAIT_S = 60
EVENT_STREAM = "text/event-stream"
_EVENT_ID = re.compile(r"(\d{1,15})(?:\.(\d{1,5}))?")


class Ticket(NamedTuple):
    """``namespace`` "" is all that the caller may read. Told is what came ``after`` this id.

    ``revision`` is what this node had applied when it was asked.
    """

    namespace: str
    prefix: str
    after: int
    wait_s: int
    stream: bool
    credential: Credential
    revision: int


def require_watchable(view: consensus_services.GroupView) -> hub.Live:
    """Raises `Unavailable` where this process can keep no watch, or takes no new one."""
    live = hub.current()
    if live is None:
        raise Unavailable("this server cannot keep a watch: run the ASGI application", "not_served")
    if live.watchers.stopping or standing.state(view) != ACTIVE:
        raise Unavailable("this node is being taken out of service: watch another one", "draining")
    return live


def wants_stream(request: Request) -> bool:
    return EVENT_STREAM in request.headers.get("Accept", "")


class WatchView(ApiView):
    def get(self, request: Request) -> Response:
        """Changes as they happen: a stream of events with ``Accept: text/event-stream``, else one answer at a time."""
        query = read_query(request, "namespace", "prefix", "since", "wait_s")
        namespace = query.get("namespace", "")
        if namespace:
            validation.check_namespace(namespace)
            require(request, "read", namespace)
        prefix = validation.check_prefix(query.get("prefix", ""))
        wait_s = read_number(query, "wait_s", 0, 0, MAX_WAIT_S)
        after = self._position(request, query)
        view = consensus_services.group_view()
        require_watchable(view)
        self.tell_own_view(view)
        response = Response({})
        stream = wants_stream(request)
        response.ticket = Ticket(namespace, prefix, after, wait_s, stream, credential_of(request), self.revision)
        return response

    def _position(self, request: Request, query: dict[str, str]) -> int:
        """``Last-Event-ID`` is where a broken stream stood, and goes before ``since``; without either: from now on."""
        last_id = request.headers.get("Last-Event-ID", "")
        if last_id:
            found = _EVENT_ID.fullmatch(last_id)
            if found is None:
                raise Invalid("Last-Event-ID is not an id of this service")
            since, told = int(found[1]), int(found[2] or 0)
        elif "since" in query:
            since, told = read_number(query, "since", 0, 0, MAX_REVISION), 0
        else:
            self.revision = self._newest()[0]
            return end_of(self.revision)
        self.revision = selectors.applied_revision()
        if since > self.revision:
            # Another node may have been ahead of this one. A group that does not answer is given the benefit of doubt.
            newest, certain = self._newest()
            if certain:
                history.require_past(since, newest)
        # All changes of a revision that was told in part may be needed, so the state before it must be there.
        history.require_reached(since - 1 if told else since)
        return since * IDS_PER_REVISION + told - 1 if told else end_of(since)

    def _newest(self) -> tuple[int, bool]:
        """The group's newest revision; or this node's, where the group does not answer."""
        try:
            return reads.catch_up(), True
        except ConsensusError:
            return selectors.applied_revision(), False
