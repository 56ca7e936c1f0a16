"""Namespaces and entries over HTTP."""

import base64
import binascii
from typing import Any

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import may_read, require
from config_service.api.base import READ_PARAMETERS, ApiView
from config_service.api.bodies import (
    Precondition,
    etag,
    matches_none,
    read_body,
    read_number,
    read_precondition,
    read_query,
    read_request_id,
)
from config_service.entries import selectors, services, validation
from config_service.entries.snapshots import EntrySnapshot, NamespaceSnapshot
from config_service.errors import Invalid

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


def entry_body(entry: EntrySnapshot) -> dict[str, Any]:
    return {
        "namespace": entry.namespace,
        "key": entry.key,
        "value": msgspec.Raw(entry.value_json.encode()),
        "type": entry.type,
        "revision": entry.revision,
        "created_revision": entry.created_revision,
        "version": entry.version,
        "updated_at": entry.updated_at,
        "updated_by": entry.updated_by,
        "comment": entry.comment,
        # Part of the contract: readers may rely on the field, and no entry expires yet.
        "expires_at": None,
    }


def namespace_body(namespace: NamespaceSnapshot, **more: Any) -> dict[str, Any]:
    return {
        "name": namespace.name,
        "description": namespace.description,
        "revision": namespace.revision,
        "created_revision": namespace.created_revision,
        "updated_at": namespace.updated_at,
        "updated_by": namespace.updated_by,
        **more,
    }


class NamespacesView(ApiView):
    def get(self, request: Request) -> Response:
        """The namespaces that the caller may read."""
        revision = self.prepare_read(read_query(request, *READ_PARAMETERS))
        found = [item for item in selectors.list_namespaces() if may_read(request, item.namespace.name)]
        items = [namespace_body(item.namespace, entries=item.entries) for item in found]
        return Response({"revision": revision, "items": items})


class NamespaceView(ApiView):
    def get(self, request: Request, namespace: str) -> Response:
        require(request, "read", namespace)
        validation.check_namespace(namespace)
        self.prepare_read(read_query(request, *READ_PARAMETERS))
        found = selectors.get_namespace(namespace)
        return Response(namespace_body(found.namespace, entries=found.entries))

    def put(self, request: Request, namespace: str) -> Response:
        require(request, "put_namespace", namespace)
        read_query(request)
        body = read_body(request, {}, {"description": str})
        request_id = read_request_id(request)
        written = services.put_namespace(
            request.user.get_username(), namespace, body.get("description", ""), request_id=request_id
        )
        self.revision = written.namespace.revision
        return Response(
            namespace_body(written.namespace), 201 if written.created else 200, headers={"Request-Id": request_id}
        )

    def delete(self, request: Request, namespace: str) -> Response:
        require(request, "delete_namespace", namespace)
        read_query(request)
        request_id = read_request_id(request)
        self.revision = services.delete_namespace(request.user.get_username(), namespace, request_id=request_id)
        return Response(status=204, headers={"Request-Id": request_id})


class EntriesView(ApiView):
    def get(self, request: Request, namespace: str) -> Response:
        """One page, keys in order. ``next`` is null on the last one."""
        require(request, "read", namespace)
        validation.check_namespace(namespace)
        query = read_query(request, *READ_PARAMETERS, "prefix", "limit", "cursor")
        prefix = validation.check_prefix(query.get("prefix", ""))
        limit = read_number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        after = _read_cursor(query.get("cursor", ""))
        revision = self.prepare_read(query)
        entries, more = selectors.list_entries(namespace, prefix, after, limit)
        following = _cursor(entries[-1].key) if more else None
        return Response({"revision": revision, "items": [entry_body(entry) for entry in entries], "next": following})


class EntryView(ApiView):
    def get(self, request: Request, namespace: str, key: str) -> Response:
        require(request, "read", namespace)
        validation.check_namespace(namespace)
        validation.check_key(key)
        self.prepare_read(read_query(request, *READ_PARAMETERS))
        entry = selectors.get_entry(namespace, key)
        headers = {"ETag": etag(entry.revision)}
        if matches_none(request, entry.revision):
            return Response(status=304, headers=headers)
        return Response(entry_body(entry), headers=headers)

    def put(self, request: Request, namespace: str, key: str) -> Response:
        precondition = read_precondition(request)
        require(request, _put_action(precondition), namespace)
        read_query(request)
        body = read_body(request, {"value": object}, {"type": str, "comment": str})
        if "type" in body:
            validation.check_type(body["type"])
        request_id = read_request_id(request)
        written = services.put_entry(
            request.user.get_username(),
            namespace,
            key,
            body["value"],
            type=body.get("type", ""),
            comment=body.get("comment", ""),
            expected_revision=precondition.expected_revision,
            must_exist=precondition.must_exist,
            must_not_exist=precondition.must_not_exist,
            request_id=request_id,
        )
        self.revision = written.entry.revision
        headers = {"ETag": etag(written.entry.revision), "Request-Id": request_id}
        return Response(entry_body(written.entry), 201 if written.created else 200, headers=headers)

    def delete(self, request: Request, namespace: str, key: str) -> Response:
        require(request, "delete", namespace)
        read_query(request)
        precondition = read_precondition(request)
        if precondition.must_not_exist:
            raise Invalid("a delete understands no If-None-Match")
        request_id = read_request_id(request)
        self.revision = services.delete_entry(
            request.user.get_username(),
            namespace,
            key,
            expected_revision=precondition.expected_revision,
            must_exist=precondition.must_exist,
            request_id=request_id,
        )
        return Response(status=204, headers={"Request-Id": request_id})


def _put_action(precondition: Precondition) -> str:
    if precondition.must_not_exist:
        return "create"
    return "change" if precondition.must_exist or precondition.expected_revision is not None else "put"


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> str:
    """The key that the page before ended with."""
    if not cursor:
        return ""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return validation.check_key(base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii"))
    except (binascii.Error, UnicodeError, ValueError, Invalid):
        raise Invalid.field("cursor", "not a cursor of this service: pass on what `next` held") from None
