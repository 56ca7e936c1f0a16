"""The past over HTTP: history, differences, rollback."""

from typing import Any

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import require
from config_service.api.base import MAX_REVISION, READ_PARAMETERS, ApiView
from config_service.api.bodies import etag, read_body, read_number, read_precondition, read_query, read_request_id
from config_service.api.entries import entry_body
from config_service.api.events import event_body
from config_service.api.paging import PAGE_PARAMETERS, cursor, read_page
from config_service.entries import history, services, validation
from config_service.entries.snapshots import ChangeSnapshot, time_text
from config_service.errors import Invalid


def change_body(change: ChangeSnapshot) -> dict[str, Any]:
    """``old_revision`` is null where nothing came before, or where that is compacted (``old_compacted``)."""
    before = change.before
    existed = before is not None and before.operation == "put"
    lost = before is None and (change.version > 1 or change.operation == "delete")
    return event_body(change) | {
        "old_value": msgspec.Raw(before.shown_json.encode()) if existed else None,
        "old_type": before.type if existed else None,
        "old_revision": before.revision if existed else None,
        "old_compacted": lost,
    }


class HistoryReachView(ApiView):
    def get(self, request: Request) -> Response:
        """How far back this node can tell what was."""
        self.prepare_read(read_query(request, *READ_PARAMETERS))
        reach = history.reach()
        oldest_at = time_text(reach.oldest_at) if reach.oldest_at else None
        return Response({"revision": self.revision, "oldest_revision": reach.oldest_revision, "oldest_at": oldest_at})


class NamespaceHistoryView(ApiView):
    def get(self, request: Request, namespace: str, key: str | None = None) -> Response:
        """The changes of all entries, or of those with a prefix, newest first."""
        require(request, "read", namespace)
        validation.check_namespace(namespace)
        query = read_query(request, *READ_PARAMETERS, *PAGE_PARAMETERS, *(["prefix"] if key is None else []))
        prefix = validation.check_prefix(query.get("prefix", ""))
        page = read_page(query)
        before_id = page.before_id()
        revision = self.prepare_read(query)
        changes, more = history.changes(namespace, key, prefix, before_id, page.limit)
        return Response(
            {
                "revision": revision,
                "oldest_revision": history.reach().oldest_revision,
                "items": [change_body(change) for change in changes],
                "next": cursor(str(changes[-1].id)) if more else None,
            }
        )


class EntryHistoryView(NamespaceHistoryView):
    def get(self, request: Request, namespace: str, key: str) -> Response:
        """The changes of one entry, newest first, also of one that is deleted."""
        validation.check_key(key)
        return super().get(request, namespace, key)


class DiffView(ApiView):
    def get(self, request: Request, namespace: str) -> Response:
        """What is different at the revision ``to`` (by default now) from what was at ``from``: of a namespace, of the
        keys with a ``prefix``, or of one ``key``."""
        require(request, "read", namespace)
        validation.check_namespace(namespace)
        query = read_query(request, *READ_PARAMETERS, *PAGE_PARAMETERS, "from", "to", "key", "prefix")
        if "from" not in query:
            raise Invalid.field("from", "required")
        key = validation.check_key(query["key"]) if "key" in query else None
        if key is not None and "prefix" in query:
            raise Invalid.field("prefix", "either key or prefix")
        prefix = validation.check_prefix(query.get("prefix", ""))
        page = read_page(query)
        after = page.after_key()
        revision = self.prepare_read(query)
        applied = self.applied()
        old = history.require_past(read_number(query, "from", 0, 0, MAX_REVISION), applied)
        new = history.require_past(read_number(query, "to", revision, 0, MAX_REVISION), applied)
        found, last = history.differences(namespace, old, new, key=key, prefix=prefix, after=after, limit=page.limit)
        items = [_difference_body(difference) for difference in found]
        return Response({"from": old, "to": new, "items": items, "next": cursor(last) if last else None})


def _difference_body(difference: history.Difference) -> dict[str, Any]:
    old, new = difference.old, difference.new
    change = "added" if old is None else "removed" if new is None else "changed"
    return {
        "key": difference.key,
        "change": change,
        "old": entry_body(old) if old else None,
        "new": entry_body(new) if new else None,
    }


class NamespaceRollbackView(ApiView):
    def post(self, request: Request, namespace: str) -> Response:
        """All entries as they were at ``revision``: one new revision. ``If-Match`` names a revision since which none of
        them may have changed."""
        require(request, "put", namespace)
        require(request, "delete", namespace)
        precondition = read_precondition(request)
        if precondition.must_exist or precondition.must_not_exist:
            raise Invalid('a rollback of a namespace takes If-Match with one revision in quotes, such as "42"')
        revision, comment = _read_rollback(request)
        request_id = read_request_id(request)
        actor, seen = request.user.get_username(), precondition.expected_revision
        if seen is None:
            done = services.rollback_namespace(actor, namespace, revision, comment, request_id=request_id)
        else:
            done = services.revert_namespace(actor, namespace, revision, seen, comment, request_id=request_id)
        self.revision = done.revision
        body = {"revision": done.revision, "rolled_back_to": revision, "changed": done.changed}
        return Response(body, headers={"Request-Id": request_id})


class EntryRollbackView(ApiView):
    def post(self, request: Request, namespace: str, key: str) -> Response:
        """The value that the entry had at ``revision``, as a new revision."""
        require(request, "put", namespace)
        precondition = read_precondition(request)
        if precondition.must_not_exist:
            raise Invalid("a rollback understands no If-None-Match")
        revision, comment = _read_rollback(request)
        request_id = read_request_id(request)
        written = services.rollback_entry(
            request.user.get_username(),
            namespace,
            key,
            revision,
            comment,
            expected_revision=precondition.expected_revision,
            must_exist=precondition.must_exist,
            request_id=request_id,
        )
        self.revision = written.entry.revision
        headers = {"ETag": etag(written.entry.revision), "Request-Id": request_id}
        return Response(entry_body(written.entry), 201 if written.created else 200, headers=headers)


def _read_rollback(request: Request) -> tuple[int, str]:
    read_query(request)
    body = read_body(request, {"revision": int}, {"comment": str})
    revision = body["revision"]
    if isinstance(revision, bool) or not 0 <= revision <= MAX_REVISION:
        raise Invalid.field("revision", f"a whole number from 0 to {MAX_REVISION}")
    return revision, body.get("comment", "")
