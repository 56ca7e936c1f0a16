"""What all API views share: how fresh a read is, and the headers that say so."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import Error as DatabaseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config_service.api.authentication import confirm
from config_service.api.bodies import read_number
from config_service.entries import history, selectors, validation
from config_service.errors import Invalid
from config_service.texts import read_time
from consensus import client as consensus_client
from consensus import reads
from consensus import services as consensus_services
from consensus.conf import get_config

# In ``META``, where a read has waited for the group before it came here: the index, or the error that it ended with.
READ_ROUND = "config_service.read_round"
READ_PARAMETERS = ("consistency", "min_revision")
PAST_PARAMETERS = ("revision", "at")
MAX_REVISION = 2**48
# Nodes' clocks differ: a time that another node has just put on a change is not the future.
CLOCK_SKEW_ALLOWED = timedelta(minutes=1)


class ApiView(APIView):
    """``revision``, ``consistency`` and ``age_ms`` become headers of the answer."""

    revision: int | None = None
    consistency = ""
    age_ms: int | None = None

    def stale(self, query: dict[str, str]) -> bool:
        """How fresh a read is to be. Asks nobody yet."""
        asked = query.get("consistency", "linearizable")
        if asked not in ("linearizable", "stale"):
            raise Invalid.field("consistency", f"linearizable or stale, not {asked!r}")
        self.consistency = asked
        return asked == "stale"

    def prepare_read(self, query: dict[str, str]) -> int:
        """Make this node as fresh as the caller wants; returns the revision that the read will be at least at."""
        stale = self.stale(query)
        least = read_number(query, "min_revision", 0, 0, MAX_REVISION)
        if stale:
            self.age_ms = consensus_services.require_agreement().leader_heard_ms
            # What somebody was told here does not go away, not even by a crash of Postgres.
            least = max(least, consensus_client.get_client().applied_index)
            self.revision = reads.reach(least)
        else:
            self.revision = self.catch_up(least)
            confirm(self.request)
        return self.revision

    def catch_up(self, least: int = 0) -> int:
        """Make this node as fresh as the group was when the request came; returns the revision that it is at."""
        found = self.request.META.get(READ_ROUND)
        if isinstance(found, Exception):
            raise found
        index = consensus_client.get_client().read_index() if found is None else found
        return reads.reach(max(index, least))

    def read_past(self, query: dict[str, str]) -> int | None:
        """The revision that ``revision=`` or ``at=`` means, None for now. To be called after `prepare_read`."""
        if "revision" in query and "at" in query:
            raise Invalid.field("at", "either revision or at")
        if "revision" in query:
            return history.require_past(read_number(query, "revision", 0, 0, MAX_REVISION), self.applied())
        if "at" in query:
            return history.revision_at(read_past_time(query, "at"))
        return None

    def applied(self) -> int:
        return max(self.revision or 0, selectors.applied_revision())

    def tell_own_view(self, view: consensus_services.GroupView) -> None:
        """What is answered is what this node knows, of whatever age that is."""
        self.consistency = "stale"
        self.age_ms = view.leader_heard_ms

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """Below an entry's path lies what might be meant as a key: whoever tries hears why it is none."""
        if "key" in kwargs:
            validation.check_key(request.path.rpartition("/entries/")[2])
        return super().http_method_not_allowed(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        self.tell(response)
        return response

    def tell(self, response: Response) -> None:
        """Which node this is, and what it knows."""
        response["Config-Node"] = get_config().node
        revision = self._known_revision()
        consensus_client.get_client().note_applied(revision)
        response["Config-Revision"] = str(revision)
        if self.consistency:
            response["Config-Consistency"] = self.consistency
        if self.consistency == "stale" and self.age_ms is not None:
            response["Config-Age-Ms"] = str(self.age_ms)

    def _known_revision(self) -> int:
        """For errors and writes too; from what the runtime last published where the database is away."""
        if self.revision is not None:
            return self.revision
        try:
            return selectors.applied_revision()
        except DatabaseError:
            return consensus_services.group_view().applied_index


def read_past_time(query: dict[str, str], name: str) -> datetime:
    at = read_time(query[name]) if query[name][10:11] == "T" else None
    if at is None:
        raise Invalid.field(name, "a time with its zone, such as 2026-05-04T12:00:00Z (a plus sign is written %2B)")
    if at > datetime.now(UTC) + CLOCK_SKEW_ALLOWED:
        raise Invalid.field(name, "this time is yet to come")
    return at
