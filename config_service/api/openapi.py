"""The OpenAPI description: what `operations` and `documents` list, put into the form that the standard wants."""

import re
from typing import Any

from drf_spectacular.openapi import AutoSchema

from config_service.api.documents import BODIES, PATH_PARAMETERS, QUERIES, RESULTS
from config_service.api.operations import ERRORS, FILE_ERRORS, SUCCESS, WRITE_ERRORS, Operation, find
from config_service.entries.transfer.formats import FORMATS

JSON, PROBLEM, STREAM = "application/json", "application/problem+json", "text/event-stream"
FILE = "application/octet-stream"
_HEADERS = {
    "Config-Node": {"description": "The node that answered.", "schema": {"type": "string"}},
    "Config-Revision": {"description": "Its applied revision.", "schema": {"type": "string", "pattern": "^[0-9]+$"}},
}


class Schema(AutoSchema):
    """One operation at a time, without serializers, which this API does not have."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> dict[str, Any] | None:
        self.registry, self.path, self.method = registry, path, method.upper()
        if not path.startswith("/api/v1/") or path == "/api/v1/":
            return None
        found = find(self.method, path)
        handler = getattr(self.view, method.lower())
        description = (handler.__doc__ or type(self.view).__doc__ or "").strip()
        operation: dict[str, Any] = {
            "operationId": _operation_id(self.method, path),
            "description": re.sub(r"\s+", " ", description),
            "tags": [path.split("/")[3]],
            "parameters": _parameters(path, found),
            "security": [{"token": []}, {"session": []}],
            "responses": _responses(self.method, found),
        }
        if found.body:
            media_type = FILE if found.body == "file" else JSON
            operation["requestBody"] = {"required": True, "content": {media_type: {"schema": BODIES[found.body]}}}
        return operation


def _operation_id(method: str, path: str) -> str:
    words = re.sub(r"[{}]", "", path.removeprefix("/api/v1/")).strip("/").replace("-", "_").replace("/", "_")
    return f"{method.lower()}_{words}" + ("_list" if path.endswith("/") else "")


def _parameters(path: str, operation: Operation) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS.get(name, {"type": "string"})}
        for name in re.findall(r"{(\w+)}", path)
    ]
    for name in operation.query:
        found.append({"name": name, "in": "query", **QUERIES[name]})
    for name in operation.headers:
        found.append({"name": name, "in": "header", "schema": {"type": "string"}})
    return found


def _responses(method: str, operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status in operation.success:
        answer: dict[str, Any] = {"description": SUCCESS[status], "headers": dict(_HEADERS)}
        if status in (200, 201):
            media_types = [one.media_type.partition(";")[0] for one in FORMATS.values()] if operation.file else [JSON]
            answer["content"] = {name: {"schema": RESULTS[operation.result]} for name in media_types}
            if operation.streams:
                answer["content"][STREAM] = {"schema": {"type": "string"}}
        if operation.etag and status in (200, 201, 304):
            answer["headers"]["ETag"] = {"schema": {"type": "string"}}
        found[str(status)] = answer
    errors = ERRORS | (FILE_ERRORS if operation.file else {}) | (WRITE_ERRORS if method != "GET" else {})
    for status, description in sorted(errors.items()):
        problem: dict[str, Any] = {"description": description, "headers": dict(_HEADERS)}
        if status in (429, 503):
            problem["headers"]["Retry-After"] = {"schema": {"type": "string", "pattern": "^[0-9]+$"}}
        problem["content"] = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        found[str(status)] = problem
    return found
