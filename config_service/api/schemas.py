"""The rules of a namespace over HTTP. Their version is the ETag."""

from typing import Any

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import require
from config_service.api.base import READ_PARAMETERS, ApiView
from config_service.api.bodies import (
    etag,
    matches_none,
    read_body,
    read_flag,
    read_number,
    read_precondition,
    read_query,
    read_request_id,
)
from config_service.api.paging import PAGE_PARAMETERS, cursor, read_page
from config_service.api.problems import violation_body
from config_service.entries import selectors, validation
from config_service.entries.schemas import selectors as schema_selectors
from config_service.entries.schemas import services
from config_service.entries.schemas.selectors import SchemaSnapshot
from config_service.errors import Invalid

MAX_VERSION = 2**48


def schema_body(schema: SchemaSnapshot) -> dict[str, Any]:
    return {
        "namespace": schema.namespace,
        "version": schema.version,
        "rules": msgspec.Raw(schema.rules_json.encode()) if schema.rules_json else None,
        "revision": schema.revision,
        "updated_at": schema.updated_at,
        "updated_by": schema.updated_by,
        "comment": schema.comment,
        "forced": schema.forced,
    }


class SchemaView(ApiView):
    def get(self, request: Request, namespace: str) -> Response:
        """The rules that hold now, or those of an earlier ``version``."""
        require(request, "read", namespace)
        validation.check_namespace(namespace)
        query = read_query(request, *READ_PARAMETERS, "version")
        self.prepare_read(query)
        if "version" in query:
            found = schema_selectors.version_of(namespace, read_number(query, "version", 0, 1, MAX_VERSION))
        else:
            found = schema_selectors.current(namespace)
        headers = {"ETag": etag(found.version)}
        if matches_none(request, found.version):
            return Response(status=304, headers=headers)
        return Response(schema_body(found), headers=headers)

    def put(self, request: Request, namespace: str) -> Response:
        """Refused, with the values at fault, while any that are there would break the rules, unless ``force`` is true.
        With ``?dry_run=true`` nothing is changed, and the answer tells what would break."""
        require(request, "put_namespace", namespace)
        query = read_query(request, "dry_run")
        body = read_body(request, {"rules": list}, {"comment": str, "force": bool})
        if read_flag(query, "dry_run"):
            verdict = services.check_schema(namespace, body["rules"])
            self.revision = verdict.revision
            violations = [violation_body(one) for one in verdict.broken]
            return Response({"checked": verdict.checked, "count": verdict.count, "violations": violations})
        request_id = read_request_id(request)
        written = services.put_schema(
            request.user.get_username(),
            namespace,
            body["rules"],
            comment=body.get("comment", ""),
            force=body.get("force", False),
            expected_version=_expected_version(request),
            request_id=request_id,
        )
        self.revision = written.revision
        return Response(schema_body(written), headers={"ETag": etag(written.version), "Request-Id": request_id})

    def delete(self, request: Request, namespace: str) -> Response:
        """From here on every value is good."""
        require(request, "put_namespace", namespace)
        read_query(request)
        request_id = read_request_id(request)
        self.revision = services.delete_schema(
            request.user.get_username(),
            namespace,
            expected_version=_expected_version(request),
            request_id=request_id,
        )
        return Response(status=204, headers={"Request-Id": request_id})


class SchemaHistoryView(ApiView):
    def get(self, request: Request, namespace: str) -> Response:
        """Every version, newest first."""
        require(request, "read", namespace)
        validation.check_namespace(namespace)
        query = read_query(request, *READ_PARAMETERS, *PAGE_PARAMETERS)
        page = read_page(query)
        before = page.before_id()
        revision = self.prepare_read(query)
        versions, more = schema_selectors.versions(namespace, before, page.limit)
        if not versions:
            selectors.require_namespace(namespace)
        items = [schema_body(one) for one in versions]
        following = cursor(str(versions[-1].version)) if more else None
        return Response({"revision": revision, "items": items, "next": following})


def _expected_version(request: Request) -> int | None:
    """``If-None-Match: *`` wants that there was never a schema: version 0."""
    precondition = read_precondition(request)
    if precondition.must_exist:
        raise Invalid('If-Match takes the version in quotes here, such as "3"')
    return 0 if precondition.must_not_exist else precondition.expected_revision
