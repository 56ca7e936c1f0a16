"""Change sets over HTTP: several edits that are approved, scheduled and published as one. The revision is the ETag.

    {"title", "comment"?, "edits": [
        {"op": "put", "namespace", "key", "value", "type"?, "comment"?, "ttl_s"? or "expires_at"?, "base_revision"?},
        {"op": "delete", "namespace", "key", "comment"?, "base_revision"?},
        {"op": "keep", "namespace", "key"}]}

``base_revision`` is what the edit was made on, 0 for an entry that must not exist; without it, what is there now.
``keep`` is for replacing a change set: the edit that it has for this key stays as it is.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from config_service.api.authentication import may_read, require
from config_service.api.base import MAX_REVISION, READ_PARAMETERS, ApiView
from config_service.api.bodies import (
    check_fields,
    etag,
    matches_none,
    read_body,
    read_precondition,
    read_query,
    read_request_id,
)
from config_service.api.entries import entry_body
from config_service.api.paging import PAGE_PARAMETERS, cursor, read_page
from config_service.changesets import access, selectors, services
from config_service.changesets.differences import EditDifference, differences
from config_service.changesets.drafting import KEEP, MAX_EDITS, Wanted
from config_service.changesets.edits import DELETE, PUT, Edit
from config_service.changesets.models import State
from config_service.changesets.selectors import ChangeSetSnapshot
from config_service.entries import validation
from config_service.entries.snapshots import SECRET, shown
from config_service.entries.transacting import at_place
from config_service.errors import Invalid, Unprocessable
from config_service.texts import check_time

_FIELDS: dict[str, tuple[dict[str, type], dict[str, type]]] = {
    PUT: ({"value": object}, {"type": str, "comment": str, "ttl_s": int, "expires_at": str, "base_revision": int}),
    DELETE: ({}, {"comment": str, "base_revision": int}),
    KEEP: ({}, {}),
}


def change_set_body(found: ChangeSetSnapshot) -> dict[str, Any]:
    approval = {"by": found.approved_by, "at": found.approved_at, "digest": found.approved_digest}
    return {
        "id": found.id,
        "title": found.title,
        "comment": found.comment,
        "state": found.state,
        "author": found.author,
        "writers": found.writers,
        "namespaces": found.namespaces,
        "edit_count": found.edit_count,
        "digest": found.digest,
        "revision": found.revision,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "updated_by": found.updated_by,
        "approval": approval if found.approved else None,
        "publish_at": found.publish_at,
        "scheduled_by": found.scheduled_by or None,
        "reason": found.reason,
        "published_revision": found.published_revision,
    }


def edit_body(edit: Edit) -> dict[str, Any]:
    told: dict[str, Any] = {
        "op": edit.operation,
        "namespace": edit.namespace,
        "key": edit.key,
        "base_revision": edit.base_revision,
        "comment": edit.comment,
    }
    if edit.operation == DELETE:
        return told
    value = msgspec.Raw(shown(edit.type, edit.value_json).encode())
    masked = {"masked": True} if edit.type == SECRET else {}
    expiry = {"ttl_s": edit.ttl_s or None, "expires_at": edit.expires_at or None}
    return told | {"value": value, **masked, "type": edit.type, **expiry}


def whole_body(found: ChangeSetSnapshot) -> dict[str, Any]:
    return change_set_body(found) | {"edits": [edit_body(edit) for edit in found.edits]}


def difference_body(one: EditDifference) -> dict[str, Any]:
    objection = one.objection
    return {
        "edit": edit_body(one.edit),
        "now": entry_body(one.now) if one.now else None,
        "base": entry_body(one.base) if one.base else None,
        "conflicts": one.conflicts,
        "problem": objection.detail if objection else None,
        "violations": one.violations,
    }


class ChangeSetsView(ApiView):
    def get(self, request: Request) -> Response:
        """Those whose namespaces the caller may all read, newest first, without their edits."""
        query = read_query(request, *READ_PARAMETERS, *PAGE_PARAMETERS, "state", "namespace")
        state = query.get("state", "")
        if state and state not in State.values:
            raise Invalid.field("state", f"one of {', '.join(State.values)}")
        namespace = validation.check_namespace(query["namespace"]) if "namespace" in query else ""
        page = read_page(query)
        before = page.before_id()
        revision = self.prepare_read(query)
        known: dict[str, bool] = {}

        def visible(namespaces: Iterable[str]) -> bool:
            for name in namespaces:
                if name not in known:
                    known[name] = may_read(request, name)
            return all(known[name] for name in namespaces)

        found, more = selectors.list_change_sets(
            states=[state] if state else (), namespace=namespace, visible=visible, before=before, limit=page.limit
        )
        following = cursor(str(found[-1].id)) if more else None
        return Response({"revision": revision, "items": [change_set_body(one) for one in found], "next": following})

    def post(self, request: Request) -> Response:
        """A draft: it changes nothing until it is published."""
        read_query(request)
        body = read_body(request, {"title": str, "edits": list}, {"comment": str})
        wanted = _wanted(request, body["edits"])
        request_id = read_request_id(request)
        made = services.create(
            request.user.get_username(), body["title"], wanted, comment=body.get("comment", ""), request_id=request_id
        )
        self.revision = made.revision
        return _answer(made, request_id, 201)


class _OneView(ApiView):
    def found(self, request: Request, change_set: int, step: str) -> ChangeSetSnapshot:
        """As it is now in the group, for a caller who may do ``step`` with it."""
        self.catch_up()
        found = selectors.get_change_set(change_set)
        _require(request, step, found)
        return found


class ChangeSetView(_OneView):
    def get(self, request: Request, change_set: int) -> Response:
        self.prepare_read(read_query(request, *READ_PARAMETERS))
        found = selectors.get_change_set(change_set)
        _require(request, access.SEE, found)
        if matches_none(request, found.revision):
            return Response(status=304, headers={"ETag": etag(found.revision)})
        return Response(whole_body(found), headers={"ETag": etag(found.revision)})

    def put(self, request: Request, change_set: int) -> Response:
        """Replaces title, comment and edits. It is a draft again: an approval was for what it was before."""
        read_query(request)
        expected = _expected(request)
        body = read_body(request, {"title": str, "edits": list}, {"comment": str})
        found = self.found(request, change_set, access.WITHDRAW)
        wanted = _wanted(request, body["edits"])
        request_id = read_request_id(request)
        written = services.edit(
            request.user.get_username(),
            found,
            body["title"],
            wanted,
            comment=body.get("comment", ""),
            expected_revision=expected,
            request_id=request_id,
        )
        self.revision = written.revision
        return _answer(written, request_id)

    def delete(self, request: Request, change_set: int) -> Response:
        """Withdraws it: it stays on the record, and cannot be published any more."""
        read_query(request)
        expected = _expected(request)
        found = self.found(request, change_set, access.WITHDRAW)
        request_id = read_request_id(request)
        done = services.withdraw(request.user.get_username(), found, expected_revision=expected, request_id=request_id)
        self.revision = done.revision
        return _answer(done, request_id)


class ChangeSetDiffView(ApiView):
    def get(self, request: Request, change_set: int) -> Response:
        """Each edit with what is there now and was when it was made, whether they conflict, and what the rules of the
        namespace say; and whether all of it could be published now."""
        revision = self.prepare_read(read_query(request, *READ_PARAMETERS))
        found = selectors.get_change_set(change_set)
        _require(request, access.SEE, found)
        made = differences(found)
        body = {
            "revision": revision,
            "change_set": change_set_body(found),
            "publishable": found.open and made.publishable,
            "awaiting_approval": made.awaiting_approval,
            "items": [difference_body(one) for one in made.edits],
        }
        return Response(body, headers={"ETag": etag(found.revision)})


class _StepView(_OneView):
    """``needs`` is the step of `access` that the caller must be allowed."""

    needs = access.PUBLISH
    required: dict[str, type] = {"digest": str}
    do: Callable[..., ChangeSetSnapshot]

    def post(self, request: Request, change_set: int) -> Response:
        read_query(request)
        expected = _expected(request)
        given = self.read(read_body(request, self.required, {}))
        found = self.found(request, change_set, self.needs)
        request_id = read_request_id(request)
        done = self.do(request.user.get_username(), found, *given, expected_revision=expected, request_id=request_id)
        self.revision = done.revision
        return _answer(done, request_id)

    def read(self, body: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(body[name] for name in self.required)


class ChangeSetApproveView(_StepView):
    """Approves the edits that ``digest`` is of. Nobody approves a change set that they wrote any of."""

    needs = access.APPROVE
    do = staticmethod(services.approve)


class ChangeSetScheduleView(_StepView):
    """To be published at ``publish_at``, if it still can be then; else it is rejected, with the reason."""

    required = {"digest": str, "publish_at": str}
    do = staticmethod(services.schedule)

    def read(self, body: dict[str, Any]) -> tuple[Any, ...]:
        return body["digest"], _time("publish_at", body["publish_at"])


class ChangeSetUnscheduleView(_StepView):
    """Takes the time off again."""

    required = {}
    do = staticmethod(services.unschedule)


class ChangeSetPublishView(_StepView):
    """All edits at one revision, or none: refused where an entry has changed since its edit was made, where a value
    breaks the rules, and where an approval is needed and missing."""

    do = staticmethod(services.publish)


def _answer(found: ChangeSetSnapshot, request_id: str, status: int = 200) -> Response:
    return Response(whole_body(found), status, headers={"ETag": etag(found.revision), "Request-Id": request_id})


def _require(request: Request, step: str, found: ChangeSetSnapshot) -> None:
    for action, namespace in access.needed_for(step, found.namespaces):
        require(request, action, namespace)


def _expected(request: Request) -> int | None:
    precondition = read_precondition(request)
    if precondition.must_not_exist:
        raise Invalid("a change set understands no If-None-Match here")
    return precondition.expected_revision


def _wanted(request: Request, items: list[Any]) -> list[Wanted]:
    if len(items) > MAX_EDITS:
        raise Unprocessable.field("edits", f"a change set has 1 to {MAX_EDITS} edits")
    made = []
    for number, item in enumerate(items):
        try:
            made.append(_one_wanted(item))
        except Invalid as error:
            raise at_place(f"edits[{number}]", error) from error
    for action, namespace in access.needed_to_write(made):
        require(request, action, namespace)
    return made


def _one_wanted(item: Any) -> Wanted:
    if not isinstance(item, dict):
        raise Invalid("must be an object")
    operation = item.get("op")
    if not isinstance(operation, str) or operation not in _FIELDS:
        raise Invalid.field("op", "put, delete or keep")
    required, optional = _FIELDS[operation]
    check_fields(item, {"op": str, "namespace": str, "key": str, **required}, optional)
    base = item.get("base_revision")
    if base is not None and (isinstance(base, bool) or not 0 <= base <= MAX_REVISION):
        raise Invalid.field("base_revision", f"a whole number from 0 to {MAX_REVISION}")
    return Wanted(
        operation=operation,
        namespace=validation.check_namespace(item["namespace"]),
        key=item["key"],
        value=item.get("value"),
        type=validation.check_type(item["type"]) if "type" in item else "",
        comment=item.get("comment", ""),
        ttl_s=item.get("ttl_s"),
        expires_at=_time("expires_at", item["expires_at"]) if "expires_at" in item else None,
        base_revision=base,
    )


def _time(name: str, text: str) -> datetime:
    return check_time(name, text if text[10:11] == "T" else "")
