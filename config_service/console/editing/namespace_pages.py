"""Looking back at a namespace: its timeline, what it was at any time, and bringing all of it back."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from config_service.console.editing.history_pages import compare_states, number
from config_service.console.editing.marks import mark_of, protected, unconfirmed
from config_service.console.editing.namespaced import require, require_sight
from config_service.console.editing.timeline import moments, shorten
from config_service.differences.documents import HIDDEN
from config_service.differences.lines import Comparison
from config_service.entries import history, selectors, services, validation
from config_service.entries.history import Difference
from config_service.entries.snapshots import SECRET, EntrySnapshot
from config_service.errors import NotFound, PreconditionFailed, ProductError
from config_service.refusals import REFUSALS, explain
from config_service.texts import read_time

CHANGES_A_PAGE = 100
ENTRIES_A_PAGE = 100
# All that a revert would change is counted and named; the first ones are shown line by line.
MOST_DIFFERENCES = 2000
SHOWN_IN_FULL = 20


@dataclass(frozen=True, slots=True)
class PastEntry:
    entry: EntrySnapshot
    text: str


@dataclass(frozen=True, slots=True)
class Changing:
    """An entry that would be different. ``comparison`` is from what it is to what it would be."""

    key: str
    kind: str
    old: str
    new: str
    comparison: Comparison | None


def timeline(admin: Any, request: HttpRequest, name: str) -> HttpResponse:
    require_sight(request, name)
    prefix = request.GET.get("prefix", "").strip()
    before_id = number(request.GET.get("before"))
    problem, found, more = "", [], False
    try:
        validation.check_prefix(prefix)
        found, more = history.changes(name, prefix=prefix, before_id=before_id, limit=CHANGES_A_PAGE)
    except NotFound as error:
        raise Http404(error.detail) from error
    except ProductError as error:
        problem = error.detail
    return _render(admin, request, "timeline", name, {
        "title": "History",
        "moments": moments(found),
        "prefix": prefix,
        "problem": problem,
        "older": urlencode({"prefix": prefix, "before": found[-1].id}) if more else "",
        "is_first_page": before_id is None,
        "reach": history.reach(),
    })  # fmt: skip


def state(admin: Any, request: HttpRequest, name: str) -> HttpResponse:
    """The namespace as it was at a revision or a time."""
    require_sight(request, name)
    context: dict[str, Any] = {"title": "As it was", "asked_at": request.GET.get("at", ""), "entries": None}
    after = request.GET.get("after", "")
    try:
        revision = _asked_revision(request)
        if revision is not None:
            found, more = history.entries_at(name, revision, after=after, limit=ENTRIES_A_PAGE)
            context |= {
                "revision": revision,
                "entries": [PastEntry(entry, _short(entry)) for entry in found],
                "next": urlencode({"revision": revision, "after": found[-1].key}) if more else "",
            }
    except NotFound as error:
        raise Http404(error.detail) from error
    except ProductError as error:
        context["problem"] = error.detail
    return _render(admin, request, "state", name, context)


def revert(admin: Any, request: HttpRequest, name: str) -> HttpResponse:
    """GET shows what it would do to every entry, POST does exactly that or nothing."""
    require_sight(request, name)
    refusal = ""
    try:
        revision = _asked_revision(request)
    except ProductError as error:
        messages.error(request, error.detail)
        revision = None
    if revision is None:
        return HttpResponseRedirect(reverse("admin:entries_namespace_state", args=[name]))
    if request.method == "POST":
        require(request, "put", "delete", namespace=name)
        refusal = unconfirmed(request.POST, [name])
    if request.method == "POST" and not refusal:
        try:
            done = services.revert_namespace(
                request.user.get_username(), name, revision, number(request.POST.get("seen_revision")) or 0,
                request.POST.get("comment", ""),
            )  # fmt: skip
        except PreconditionFailed as error:
            refusal = f"Nothing was changed: {error.detail}. This is what going back would do now."
        except REFUSALS as error:
            refusal = explain(error)
        else:
            said = f"{name} is what it was at revision {revision}: {done.changed} entries changed as {done.revision}."
            messages.success(request, said)
            return HttpResponseRedirect(reverse("admin:entries_namespace_timeline", args=[name]))
    return _show_revert(admin, request, name, revision, refusal)


def _show_revert(admin: Any, request: HttpRequest, name: str, revision: int, refusal: str) -> HttpResponse:
    seen = selectors.applied_revision()
    try:
        differences = _all_differences(name, seen, revision)
    except NotFound as error:
        raise Http404(error.detail) from error
    except ProductError as error:
        messages.error(request, f"There is nothing to go back to: {error.detail}.")
        return HttpResponseRedirect(reverse("admin:entries_namespace_state", args=[name]))
    return _render(admin, request, "revert", name, {
        "title": f"Go back to revision {revision}",
        "revision": revision,
        "seen_revision": seen,
        "changing": [_changing(one, place < SHOWN_IN_FULL) for place, one in enumerate(differences)],
        "too_many": len(differences) >= MOST_DIFFERENCES,
        "most": MOST_DIFFERENCES,
        "refusal": refusal,
        "comment": request.POST.get("comment", ""),
    })  # fmt: skip


def _all_differences(name: str, old: int, new: int) -> list[Difference]:
    found: list[Difference] = []
    after: str | None = ""
    while after is not None and len(found) < MOST_DIFFERENCES:
        page, after = history.differences(name, old, new, after=after, limit=500)
        found += page
    return found[:MOST_DIFFERENCES]


def _changing(one: Difference, in_full: bool) -> Changing:
    kind = "restored" if one.old is None else "deleted" if one.new is None else "changed"
    comparison = compare_states(one.old, one.new) if in_full else None
    return Changing(one.key, kind, _short(one.old), _short(one.new), comparison)


def _asked_revision(request: HttpRequest) -> int | None:
    """Raises `ProductError` where that cannot be told."""
    revision = number(request.GET.get("revision"))
    if revision is None and (text := request.GET.get("at", "")):
        at = read_time(text, UTC)
        if at is None:
            raise ProductError("a time looks like 2026-05-04T03:02")
        revision = history.revision_at(at)
    return None if revision is None else history.require_past(revision, selectors.applied_revision())


def _short(entry: EntrySnapshot | None) -> str:
    if entry is None:
        return ""
    return HIDDEN if entry.type == SECRET else shorten(entry.value_json, 120)


def _render(admin: Any, request: HttpRequest, page: str, name: str, context: dict[str, Any]) -> HttpResponse:
    shared = admin.admin_site.each_context(request) | {
        "opts": admin.opts, "namespace": name, "mark": mark_of(name), "protected": protected([name]),
    }  # fmt: skip
    return TemplateResponse(request, f"admin/entries/namespace/{page}.html", shared | context)
