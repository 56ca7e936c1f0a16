"""A namespace as a file over HTTP: export and import. How far a large import is can be told while it goes on."""

from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import asdict
from typing import Any

import msgspec
from django.http import HttpResponse, StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import require
from config_service.api.base import MAX_REVISION, PAST_PARAMETERS, READ_PARAMETERS, ApiView
from config_service.api.bodies import read_flag, read_number, read_query, read_request_id
from config_service.api.entries import entry_body
from config_service.api.events import event
from config_service.api.problems import describe_and_log
from config_service.entries import exporting, importing
from config_service.entries.importing import Imported, Progress
from config_service.entries.planning import MERGE, REPLACE, Plan, Planned, Scope, check_scope
from config_service.entries.snapshots import SECRET
from config_service.entries.transfer.formats import MAX_FILE_BYTES, Format, find_format
from config_service.errors import Invalid

STREAM = "text/event-stream"
# The steps of `importing.steps` up to the comparison, or to the answer of an earlier time.
_BEFORE_ANSWERING = 3


class ExportView(ApiView):
    def get(self, request: Request, namespace: str) -> HttpResponse:
        """A namespace, or what begins with a prefix, as a file that an import reads again. Secrets are ciphertext;
        ``secrets=omit`` leaves them out, ``secrets=plain`` shows them, which is recorded."""
        require(request, "read", namespace)
        query = read_query(request, *READ_PARAMETERS, *PAST_PARAMETERS, "format", "prefix", "secrets")
        format = _format(query)
        secrets = query.get("secrets", exporting.SEALED)
        if secrets == exporting.PLAIN:
            require(request, "reveal", namespace)
        self.prepare_read(query)
        past = self.read_past(query)
        prefix = query.get("prefix", "")
        made = exporting.export(
            request.user.get_username(), namespace, format, prefix=prefix, secrets=secrets, revision=past
        )
        response = HttpResponse(made.data, content_type=format.media_type)
        response["Content-Disposition"] = f'attachment; filename="{namespace}{format.suffixes[0]}"'
        response["Cache-Control"] = "no-store"
        self.revision = made.revision
        return response


class ImportView(ApiView):
    def post(self, request: Request, namespace: str) -> HttpResponse | Response:
        """The body is a file in ``format``, whatever its content type says. All of it becomes one change, or nothing.

        ``mode=replace`` deletes what the file does not name. ``dry_run=true`` only tells what would be different;
        ``seen_revision`` is the revision of such an answer, which must still hold. With ``Accept: text/event-stream``
        the answer is a stream of ``progress`` events that ends with ``done`` or ``problem``."""
        require(request, "put", namespace)
        query = read_query(request, "format", "mode", "prefix", "comment", "dry_run", "seen_revision")
        format, scope = _format(query), _scope(namespace, query)
        if scope.mode == REPLACE:
            require(request, "delete", namespace)
        dry_run = read_flag(query, "dry_run")
        if dry_run:
            require(request, "read", namespace)
        request_id = read_request_id(request)
        data = request.stream.read(MAX_FILE_BYTES + 1) if request.stream is not None else b""
        if dry_run:
            made = importing.dry_run(scope, format, data)
            self.revision = made.revision
            return Response(_plan_body(made))
        steps = importing.collect(
            importing.steps(request.user.get_username(), scope, format, data, request_id=request_id)
        )
        if STREAM in request.headers.get("Accept", ""):
            return _stream(scope, steps, request_id)
        *_, done = steps
        self.revision = done.revision
        return Response(_done_body(scope, done), headers={"Request-Id": request_id})


def _format(query: dict[str, str]) -> Format:
    if "format" not in query:
        raise Invalid.field("format", "required")
    return find_format(query["format"])


def _scope(namespace: str, query: dict[str, str]) -> Scope:
    seen = read_number(query, "seen_revision", 0, 0, MAX_REVISION) if "seen_revision" in query else None
    scope = Scope(namespace, query.get("mode", MERGE), query.get("prefix", ""), query.get("comment", ""), seen)
    return check_scope(scope)


def _stream(scope: Scope, steps: Iterator[Progress | Imported], request_id: str) -> HttpResponse:
    """The file is read and compared before the answer begins, so that a bad one still gets its own status."""
    context = copy_context()  # who asks and from where: each step runs in whatever thread is free
    first = [next(steps) for _ in range(_BEFORE_ANSWERING)]

    def told() -> Iterator[bytes]:
        for step in first:
            yield _event(scope, step)
        try:
            while (step := context.run(next, steps, None)) is not None:
                yield _event(scope, step)
        except Exception as error:
            yield event("problem", describe_and_log(error, "an import"))

    response = StreamingHttpResponse(told(), content_type=STREAM)
    response["Request-Id"] = request_id
    response["Cache-Control"] = "no-store"
    return response


def _event(scope: Scope, step: Progress | Imported) -> bytes:
    if isinstance(step, Imported):
        return event("done", _done_body(scope, step))
    return event("progress", {"step": step.step, "done": step.done, "total": step.total})


def _done_body(scope: Scope, done: Imported) -> dict[str, Any]:
    return {"namespace": scope.namespace, "mode": scope.mode, "dry_run": False, **asdict(done)}


def _plan_body(made: Plan) -> dict[str, Any]:
    """The entries that would be different, keys in order, each as in a diff."""
    added, changed, removed, unchanged = made.counts
    return {
        "namespace": made.scope.namespace,
        "mode": made.scope.mode,
        "dry_run": True,
        "revision": made.revision,
        "added": added,
        "changed": changed,
        "removed": removed,
        "unchanged": unchanged,
        "items": [_planned_body(item) for item in made.changes],
    }


def _planned_body(item: Planned) -> dict[str, Any]:
    edit = item.edit
    new = None
    if edit.operation == "put":
        new = {
            "value": msgspec.Raw(item.new_json.encode()),
            **({"masked": True} if edit.type == SECRET else {}),
            "type": edit.type,
            "comment": edit.comment,
            "expires_at": edit.expires_at or None,
        }
    return {"key": edit.key, "change": item.change, "old": entry_body(item.old) if item.old else None, "new": new}
