"""Every error of an API path as ``application/problem+json`` (RFC 9457), whoever raised it."""

import logging
import math
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from config_service import errors as product
from config_service.api.renderers import PROBLEM, to_json
from config_service.sealing.seals import SealBroken, SealingUnavailable
from consensus import errors as consensus

logger = logging.getLogger(__name__)

_PRODUCT_STATUS: dict[type[product.ProductError], int] = {
    product.TypeMismatch: 422,
    SealingUnavailable: 422,
    SealBroken: 422,
    product.Unprocessable: 422,
    product.TooLarge: 413,
    product.Invalid: 400,
    product.NotFound: 404,
    product.AlreadyExists: 409,
    product.ImportLost: 409,
    product.ApprovalRequired: 409,
    product.ChangeSetConflict: 409,
    product.WrongState: 409,
    product.LastSuperuser: 409,
    product.SecondPersonRequired: 403,
    product.PreconditionRequired: 428,
    product.NotEmpty: 409,
    product.PreconditionFailed: 412,
    product.Compacted: 410,
    product.Unavailable: 503,
}
_TITLES = {
    400: "Malformed request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict with the current state",
    410: "Gone",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Cannot be processed",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available now",
    504: "Not done in time",
}


class Forbidden(exceptions.PermissionDenied):
    """403 that names what is missing."""

    def __init__(self, missing: str, namespace: str = ""):
        where = f" in namespace {namespace}" if namespace and ":" not in missing else ""
        super().__init__(f"this needs the permission {missing}{where}")
        self.missing = missing


def problem(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    return {
        "type": f"urn:config-service:problem:{code.replace('_', '-')}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        **more,
    }


def problem_response(status: int, code: str, detail: str, **more: Any) -> HttpResponse:
    """For views outside DRF."""
    return HttpResponse(to_json(problem(status, code, detail, **more)), status=status, content_type=PROBLEM)


def refusal(status: int) -> HttpResponse:
    """What is answered where a request is not taken at all."""
    if status == 413:
        return problem_response(413, "too_large", "the body is larger than anything that is taken here")
    response = problem_response(503, "overloaded", "too many requests wait at this node", retry_after_s=1.0)
    response["Retry-After"] = "1"
    return response


def handle(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's ``EXCEPTION_HANDLER``. Never returns None: a fault of ours is a problem document too."""
    body = describe_and_log(error, type(context.get("view")).__name__)
    headers = {}
    if "retry_after_s" in body:
        headers["Retry-After"] = str(max(1, math.ceil(body["retry_after_s"])))
    if "request_id" in body:
        headers["Request-Id"] = body["request_id"]
    if isinstance(error, exceptions.APIException) and (challenge := getattr(error, "auth_header", "")):
        headers["WWW-Authenticate"] = challenge
    response = Response(body, status=body["status"], headers=headers)
    response.is_problem = True
    return response


def describe_and_log(error: Exception, where: str) -> dict[str, Any]:
    """The problem document of any error."""
    body = _describe(error)
    if body["status"] == 500:
        logger.error("unexpected error in %s", where, exc_info=error)
    elif isinstance(error, OperationalError | InterfaceError):
        logger.warning("%s: the database failed: %s", where, str(error).strip())
    return body


def _describe(error: Exception) -> dict[str, Any]:
    match error:
        case product.ProductError():
            return _describe_refusal(error)
        case consensus.ConsensusError():
            return _describe_outcome(error)
        case OperationalError() | InterfaceError():
            return problem(503, "database_unavailable", "this node cannot reach its database", retry_after_s=1.0)
        case Forbidden():
            return problem(403, "forbidden", str(error.detail), missing=error.missing)
        case exceptions.Throttled():
            return problem(
                429, "throttled", "too many requests by this caller", retry_after_s=round(error.wait or 0, 3)
            )
        case exceptions.APIException():
            code = error.get_codes()
            return problem(error.status_code, code if isinstance(code, str) else "invalid", str(error.detail))
        case Http404():
            return problem(404, "not_found", "there is nothing at this path")
        case PermissionDenied():
            return problem(403, "forbidden", str(error) or "not allowed")
    return problem(500, "internal", "this node met an error that it did not expect")


def _describe_refusal(error: product.ProductError) -> dict[str, Any]:
    status = next((code for kind, code in _PRODUCT_STATUS.items() if isinstance(error, kind)), 409)
    more: dict[str, Any] = {"errors": error.errors} if error.errors else {}
    match error:
        case product.PreconditionFailed() | product.FutureRevision():
            more["current_revision"] = error.current_revision
        case product.Compacted():
            more["oldest_revision"] = error.oldest_revision
        case product.SchemaConflict():
            more |= {"violations": [violation_body(one) for one in error.violations], "count": error.count}
        case product.Unavailable():
            more["retry_after_s"] = error.retry_after_s
    return problem(status, error.code, error.detail, **more)


def violation_body(violation: Any) -> dict[str, str]:
    """An entry whose value breaks rules (`config_service.entries.schemas.services.Broken`)."""
    return {"key": violation.key, "path": violation.path, "reason": violation.reason}


def _describe_outcome(error: consensus.ConsensusError) -> dict[str, Any]:
    detail = str(error)
    match error:
        case consensus.NoLeader():
            return problem(503, "no_leader", detail, retry_after_s=error.retry_after_s)
        case consensus.Overloaded():
            return problem(503, "overloaded", detail, retry_after_s=error.retry_after_s)
        case consensus.Diverged():
            return problem(503, "diverged", detail, retry_after_s=error.retry_after_s)
        case consensus.OutcomeUnknown():
            return problem(504, "outcome_unknown", detail, request_id=error.request_id)
        case consensus.RequestConflict():
            return problem(422, "request_conflict", detail, request_id=error.request_id)
        case consensus.DeadlineExceeded():
            return problem(504, "deadline_exceeded", detail)
        case consensus.Refused():
            return problem(409, "refused", detail)
    return problem(500, "internal", "this node met an error that it did not expect")
