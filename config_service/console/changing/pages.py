"""One change set: all that would change, and the steps it can take now. Each is bound to what was shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from config_service.changesets import access, selectors, services
from config_service.changesets.differences import EditDifference, differences
from config_service.changesets.edits import DELETE
from config_service.changesets.models import State
from config_service.changesets.selectors import ChangeSetSnapshot
from config_service.console.changing.proposing import require, without
from config_service.console.editing.history_pages import number
from config_service.console.editing.marks import protected, unconfirmed
from config_service.differences.documents import comparable, readable
from config_service.differences.lines import Comparison, compare
from config_service.entries.models import Namespace
from config_service.entries.selectors import entry_id
from config_service.entries.snapshots import EntrySnapshot
from config_service.errors import Invalid, NotFound, PreconditionFailed
from config_service.refusals import REFUSALS, explain
from config_service.texts import read_time

PAGE_SIZE = 50
FILTERS = {
    "open": (State.DRAFT, State.APPROVED, State.SCHEDULED),
    "published": (State.PUBLISHED,),
    "closed": (State.REJECTED, State.WITHDRAWN),
    "all": (),
}
KINDS = {
    State.DRAFT: "info", State.APPROVED: "ok", State.SCHEDULED: "ok", State.PUBLISHED: "", State.REJECTED: "bad",
    State.WITHDRAWN: "",
}  # fmt: skip
# They change entries, so a protected namespace asks for its name.
_PUBLISHING = ("publish", "schedule")


@dataclass(frozen=True, slots=True)
class ShownEdit:
    """``kind`` is created, changed or deleted; ``comparison`` None for a secret, whose values are not shown."""

    difference: EditDifference
    kind: str
    comparison: Comparison | None
    pk: int | None


def listing(admin: Any, request: HttpRequest) -> HttpResponse:
    chosen = request.GET.get("state", "open")
    before = number(request.GET.get("before"))
    known: dict[tuple[str, ...], bool] = {}

    def visible(names: tuple[str, ...]) -> bool:
        if names not in known:
            known[names] = access.may(request.user, None, access.SEE, names)
        return known[names]

    states = FILTERS.get(chosen, FILTERS["open"])
    found, more = selectors.list_change_sets(states=states, visible=visible, before=before, limit=PAGE_SIZE)
    return _render(admin, request, "list", {
        "title": "Change sets",
        "found": [(one, KINDS[State(one.state)]) for one in found],
        "filters": list(FILTERS),
        "chosen": chosen if chosen in FILTERS else "open",
        "older": found[-1].id if more else None,
        "marks": Namespace.objects.in_bulk(),
    })  # fmt: skip


def one(admin: Any, request: HttpRequest, change_set: int) -> HttpResponse:
    refusal = ""
    try:
        seen = selectors.get_change_set(change_set)
    except NotFound as error:
        raise Http404(error.detail) from error
    require(request.user, access.needed_for(access.SEE, seen.namespaces))
    if request.method == "POST":
        try:
            if not (refusal := _take_step(request, seen)):
                return HttpResponseRedirect(reverse("admin:changesets_changeset_change", args=[change_set]))
        except PreconditionFailed as error:
            refusal = f"Nothing was done: {error.detail}. Below is the change set as it is now."
        except REFUSALS as error:
            refusal = explain(error)
        seen = selectors.get_change_set(change_set)
    return _show(admin, request, seen, refusal)


def _take_step(request: HttpRequest, seen: ChangeSetSnapshot) -> str:
    """What the pressed button says. Returns why nothing was done, or ""."""
    step, posted = request.POST.get("step", ""), request.POST
    revision, digest = number(posted.get("revision")), posted.get("digest", "")
    actor = request.user.get_username()
    if step in _PUBLISHING and (missing := unconfirmed(posted, seen.namespaces)):
        return missing
    steps: dict[str, tuple[str, Callable[[], Any], str]] = {
        "approve": (
            access.APPROVE, lambda: services.approve(actor, seen, digest, expected_revision=revision),
            "You have approved exactly these edits.",
        ),
        "schedule": (
            access.PUBLISH,
            lambda: services.schedule(actor, seen, digest, _time(posted), expected_revision=revision),
            "The change set will be published at that time.",
        ),
        "unschedule": (
            access.PUBLISH, lambda: services.unschedule(actor, seen, expected_revision=revision),
            "The change set is not scheduled any more.",
        ),
        "publish": (
            access.PUBLISH, lambda: services.publish(actor, seen, digest, expected_revision=revision),
            "The edit is published." if seen.edit_count == 1 else f"All {seen.edit_count} edits are published.",
        ),
        "withdraw": (
            access.WITHDRAW,
            lambda: services.withdraw(actor, seen, posted.get("reason", ""), expected_revision=revision),
            "The change set is withdrawn.",
        ),
        "remove": (
            access.WITHDRAW,
            lambda: without(request.user, seen, (posted.get("namespace", ""), posted.get("key", "")), revision),
            "The edit was taken out. What was approved is to be approved anew.",
        ),
    }  # fmt: skip
    if step not in steps:
        raise PermissionDenied("there is no such step")
    needed, do, said = steps[step]
    require(request.user, access.needed_for(needed, seen.namespaces))
    do()
    messages.success(request, said)
    return ""


def _time(posted: Mapping[str, str]) -> datetime:
    at = read_time(posted.get("publish_at", ""), UTC)
    if at is None:
        raise Invalid.field("publish_at", "choose a date and a time, in UTC")
    return at


def _show(admin: Any, request: HttpRequest, seen: ChangeSetSnapshot, refusal: str) -> HttpResponse:
    user = request.user
    made = differences(seen)
    may = {
        step: access.may(user, None, step, seen.namespaces)
        for step in (access.APPROVE, access.PUBLISH, access.WITHDRAW)
    }
    lacking = access.lacking(user, None, access.needed_for(access.PUBLISH, seen.namespaces))
    return _render(admin, request, "one", {
        "title": seen.title,
        "seen": seen,
        "kind": KINDS[State(seen.state)],
        "edits": [_shown(one, seen) for one in made.edits],
        "publishable": made.publishable,
        "awaiting": made.awaiting_approval,
        "is_writer": user.get_username() in seen.writers,
        "may_approve": seen.open and may[access.APPROVE] and not seen.approved,
        "may_publish": seen.open and may[access.PUBLISH],
        "may_withdraw": seen.open and may[access.WITHDRAW],
        "lacking": f"{lacking[0]} in namespace {lacking[1]}" if seen.open and lacking else "",
        "protected": protected(seen.namespaces) if seen.open else [],
        "marks": list(Namespace.objects.filter(name__in=seen.namespaces)),
        "refusal": refusal,
        "posted": request.POST,
    })  # fmt: skip


def _shown(one: EditDifference, seen: ChangeSetSnapshot) -> ShownEdit:
    """Against what is there, and once it is closed against what was there when the edit was made."""
    before = one.now if seen.open else one.base
    edit = one.edit
    kind = "deleted" if edit.operation == DELETE else "changed" if before is not None else "created"
    pk = None if one.now is None else entry_id(edit.namespace, edit.key)
    return ShownEdit(one, kind, None if one.masked else _comparison(one, before), pk)


def _comparison(one: EditDifference, before: EntrySnapshot | None) -> Comparison:
    edit = one.edit
    if edit.operation == DELETE:
        return compare(readable(before.type, before.value_json) if before else None, None)
    if before is None:
        return compare(None, readable(edit.type, edit.value_json))
    return compare(*comparable(before.type, before.value_json, edit.type, edit.value_json))


def _render(admin: Any, request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    shared = admin.admin_site.each_context(request) | {"opts": admin.opts}
    return TemplateResponse(request, f"admin/changesets/{page}.html", shared | context)
