"""The audit trail over HTTP."""

from typing import Any

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import require
from config_service.api.base import READ_PARAMETERS, ApiView
from config_service.api.bodies import read_number, read_query
from config_service.audit import selectors
from config_service.audit.digests import Record
from config_service.entries import validation
from config_service.errors import Invalid

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
LAST = 2**62


class AuditView(ApiView):
    """``next`` is null on the last page; otherwise pass it on as ``cursor`` with the same query."""

    def get(self, request: Request) -> Response:
        require(request, "audit")
        query = read_query(
            request,
            *READ_PARAMETERS,
            "actor",
            "action",
            "namespace",
            "key",
            "since",
            "until",
            "order",
            "limit",
            "cursor",
        )
        wanted = _read_filter(query)
        revision = self.prepare_read(query)
        records, more = selectors.list_records(**wanted)
        following = str(records[-1].content.revision) if more else None
        return Response({"revision": revision, "items": list(map(_record_body, records)), "next": following})


def _record_body(record: Record) -> dict[str, Any]:
    """Equal digests at one revision mean equal trails up to there."""
    body = record.content._asdict()
    del body["previous"]
    return body | {"targets": msgspec.Raw(record.content.targets.encode()), "digest": record.digest.hex()}


def _read_filter(query: dict[str, str]) -> dict[str, Any]:
    order = query.get("order", "oldest")
    if order not in ("oldest", "newest"):
        raise Invalid.field("order", f"oldest or newest, not {order!r}")
    namespace, key = query.get("namespace", ""), query.get("key", "")
    if key and not namespace:
        raise Invalid.field("key", "needs a namespace")
    return {
        "actor": validation.check_text("actor", query.get("actor", ""), 150),
        "action": validation.check_text("action", query.get("action", ""), 64),
        "namespace": namespace and validation.check_namespace(namespace),
        "key": key and validation.check_key(key),
        "since": read_number(query, "since", 0, 0, LAST),
        "until": read_number(query, "until", LAST, 0, LAST),
        "after": read_number(query, "cursor", 0, 0, LAST) if "cursor" in query else None,
        "newest_first": order == "newest",
        "limit": read_number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
    }
