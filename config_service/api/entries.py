"""Namespaces and entries over HTTP."""

from typing import Any

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import may_read, require
from config_service.api.base import PAST_PARAMETERS, READ_PARAMETERS, ApiView
from config_service.api.bodies import (
    Precondition,
    etag,
    matches_none,
    read_body,
    read_precondition,
    read_query,
    read_request_id,
)
from config_service.api.paging import PAGE_PARAMETERS, cursor, read_page
from config_service.entries import history, selectors, services, validation
from config_service.entries.reveal import reveal
from config_service.entries.snapshots import EntrySnapshot, NamespaceSnapshot
from config_service.errors import Invalid

RULING_MARKS = ("protected", "requires_approval", "require_if_match")


def entry_body(entry: EntrySnapshot) -> dict[str, Any]:
    return {
        "namespace": entry.namespace,
        "key": entry.key,
        "value": msgspec.Raw(entry.shown_json.encode()),
        **({"masked": True} if entry.masked else {}),
        "type": entry.type,
        "revision": entry.revision,
        "created_revision": entry.created_revision,
        "version": entry.version,
        "updated_at": entry.updated_at,
        "updated_by": entry.updated_by,
        "comment": entry.comment,
        "expires_at": entry.expires_at,
    }


def namespace_body(namespace: NamespaceSnapshot, **more: Any) -> dict[str, Any]:
    return {
        "name": namespace.name,
        "description": namespace.description,
        "colour": namespace.colour,
        "protected": namespace.protected,
        "requires_approval": namespace.requires_approval,
        "require_if_match": namespace.require_if_match,
        "schema": schema_of(namespace),
        "revision": namespace.revision,
        "created_revision": namespace.created_revision,
        "updated_at": namespace.updated_at,
        "updated_by": namespace.updated_by,
        **more,
    }


def schema_of(namespace: NamespaceSnapshot) -> dict[str, Any] | None:
    if not namespace.schema:
        return None
    return {"version": namespace.schema_version, "rules": msgspec.Raw(namespace.schema.encode())}


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
        """What is not given stays as it is. Marks that say how entries may change need the permission to
        operate the namespace."""
        require(request, "put_namespace", namespace)
        read_query(request)
        body = read_body(request, {}, {"description": str, "colour": str, **dict.fromkeys(RULING_MARKS, bool)})
        if any(mark in body for mark in RULING_MARKS):
            require(request, "operate_namespace", namespace)
        request_id = read_request_id(request)
        marks = {mark: body[mark] for mark in ("colour", *RULING_MARKS) if mark in body}
        written = services.put_namespace(
            request.user.get_username(), namespace, body.get("description"), **marks, request_id=request_id
        )
        self.revision = written.revision
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
        query = read_query(request, *READ_PARAMETERS, *PAST_PARAMETERS, *PAGE_PARAMETERS, "prefix")
        prefix = validation.check_prefix(query.get("prefix", ""))
        page = read_page(query)
        after = page.after_key()
        revision = self.prepare_read(query)
        past = self.read_past(query)
        if past is None:
            entries, more = selectors.list_entries(namespace, prefix, after, page.limit)
        else:
            revision = past
            entries, more = history.entries_at(namespace, past, prefix, after, page.limit)
        following = cursor(entries[-1].key) if more else None
        return Response({"revision": revision, "items": [entry_body(entry) for entry in entries], "next": following})


class EntryView(ApiView):
    def get(self, request: Request, namespace: str, key: str) -> Response:
        require(request, "read", namespace)
        validation.check_namespace(namespace)
        validation.check_key(key)
        query = read_query(request, *READ_PARAMETERS, *PAST_PARAMETERS)
        self.prepare_read(query)
        past = self.read_past(query)
        entry = selectors.get_entry(namespace, key) if past is None else history.entry_at(namespace, key, past)
        headers = {"ETag": etag(entry.revision)}
        if matches_none(request, entry.revision):
            return Response(status=304, headers=headers)
        return Response(entry_body(entry), headers=headers)

    def put(self, request: Request, namespace: str, key: str) -> Response:
        precondition = read_precondition(request)
        require(request, _put_action(precondition), namespace)
        read_query(request)
        body = read_body(request, {"value": object}, {"type": str, "comment": str, "ttl_s": int})
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
            ttl_s=body.get("ttl_s"),
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


class RevealView(ApiView):
    """A POST, since every call leaves a record and no cache on the way may keep the answer."""

    def post(self, request: Request, namespace: str, key: str) -> Response:
        """A secret in clear, once the audit trail says who is shown it."""
        require(request, "reveal", namespace)
        validation.check_namespace(namespace)
        validation.check_key(key)
        read_body(request, {}, {})
        self.prepare_read(read_query(request, *READ_PARAMETERS))
        entry = reveal(request.user.get_username(), namespace, key)
        body = entry_body(entry) | {"value": msgspec.Raw(entry.value_json.encode()), "masked": False}
        return Response(body, headers={"Cache-Control": "no-store"})


def _put_action(precondition: Precondition) -> str:
    if precondition.must_not_exist:
        return "create"
    return "change" if precondition.must_exist or precondition.expected_revision is not None else "put"
