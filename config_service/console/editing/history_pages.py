"""Looking back: the timeline of an entry, any two of its revisions side by side, and going back to one of them."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from config_service.changesets.services import MAX_TITLE_LENGTH
from config_service.console.changing.proposing import offered, propose, wanted_of
from config_service.console.editing.draft import draft_of
from config_service.console.editing.marks import mark_of, protected, unconfirmed
from config_service.console.editing.namespaced import require, require_sight
from config_service.console.editing.preview import compare_with, watching
from config_service.console.editing.timeline import events
from config_service.differences.documents import readable
from config_service.differences.lines import compare
from config_service.entries import history, selectors, services
from config_service.entries.snapshots import SECRET, EntrySnapshot
from config_service.errors import NotFound, PreconditionFailed, ProductError
from config_service.refusals import REFUSALS, explain

PAGE_SIZE = 50


def number(text: str | None) -> int | None:
    """A revision or an id from a query; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def timeline(admin: Any, request: HttpRequest, namespace: str, key: str) -> HttpResponse:
    require_sight(request, namespace)
    before_id = number(request.GET.get("before"))
    try:
        found, more = history.changes(namespace, key, before_id=before_id, limit=PAGE_SIZE)
    except NotFound as error:
        raise Http404(error.detail) from error
    chosen = _chosen(request, namespace, key)
    current = selectors.find_entry(namespace, key)
    return _render(admin, request, "timeline", namespace, key, {
        "title": "History",
        "events": events(found),
        "older": found[-1].id if more else None,
        "is_first_page": before_id is None,
        "current": current,
        "reach": history.reach(),
        **chosen,
    })  # fmt: skip


def _chosen(request: HttpRequest, namespace: str, key: str) -> dict[str, Any]:
    """The two revisions that were asked for, side by side, the older one first."""
    asked = [number(request.GET.get(name)) for name in ("old", "new")]
    if None in asked:
        return {}
    old, new = sorted(one for one in asked if one is not None)
    try:
        states = [_state(namespace, key, revision) for revision in (old, new)]
    except ProductError as error:
        return {"problem": error.detail, "old": old, "new": new}
    return {"old": old, "new": new, "comparison": compare_states(*states), "states": states}


def _state(namespace: str, key: str, revision: int) -> EntrySnapshot | None:
    try:
        return history.entry_at(namespace, key, revision)
    except NotFound:
        return None


def compare_states(old: EntrySnapshot | None, new: EntrySnapshot | None) -> Any:
    if new is None:
        return compare(readable(old.type, old.value_json) if old else None, None)
    return compare_with(draft_of(new), old)


def revert(admin: Any, request: HttpRequest, namespace: str, key: str) -> HttpResponse:
    """GET shows what it would do, POST does it to exactly the revision that was shown."""
    require_sight(request, namespace)
    revision = number(request.GET.get("revision"))
    if revision is None:
        raise Http404("no revision")
    try:
        past = history.entry_at(namespace, key, revision)
    except ProductError as error:
        messages.error(request, f"There is nothing to go back to: {error.detail}.")
        return HttpResponseRedirect(timeline_url(namespace, key))
    current = selectors.find_entry(namespace, key)
    refusal = ""
    if request.method == "POST":
        require(request, "change" if current else "create", namespace=namespace)
        seen = number(request.POST.get("base_revision"))
        refusal = unconfirmed(request.POST, [namespace])
    if request.method == "POST" and "_propose" in request.POST and past.type != SECRET:
        return _propose(admin, request, past, current)
    if request.method == "POST" and not refusal:
        try:
            written = services.rollback_entry(
                request.user.get_username(), namespace, key, revision, request.POST.get("comment", ""),
                expected_revision=seen or 0,
            )  # fmt: skip
        except PreconditionFailed:
            current = selectors.find_entry(namespace, key)
            refusal = "Nothing was changed: the entry was changed meanwhile. This is what going back would do now."
        except REFUSALS as error:
            refusal = explain(error)
        else:
            done = f"{namespace}/{key} is what it was at revision {revision}, as revision {written.entry.revision}."
            messages.success(request, done)
            return HttpResponseRedirect(timeline_url(namespace, key))
    return _render(admin, request, "revert", namespace, key, {
        "title": f"Go back to revision {revision}",
        "revision": revision,
        "past": past,
        "current": current,
        "comparison": compare_with(draft_of(past), current),
        "refusal": refusal,
        "comment": request.POST.get("comment", ""),
        "watchers": watching(namespace, key),
        "change_sets": offered(request.user),
        "change_title": f"Bring {key} back to revision {revision}"[:MAX_TITLE_LENGTH],
    })  # fmt: skip


def _propose(admin: Any, request: HttpRequest, past: EntrySnapshot, current: EntrySnapshot | None) -> HttpResponse:
    """Going back as an edit of a change set."""
    posted = request.POST
    comment = posted.get("comment", "") or f"rollback to {past.revision}"
    draft = replace(
        draft_of(past), comment=comment, expires_at=None, base_revision=number(posted.get("base_revision")) or 0
    )
    try:
        made = propose(
            request.user, [wanted_of(draft)], number(posted.get("change_set")), posted.get("change_title", "")
        )
    except REFUSALS as error:
        messages.error(request, explain(error))
        return HttpResponseRedirect(request.get_full_path())
    return HttpResponseRedirect(reverse("admin:changesets_changeset_change", args=[made.id]))


def timeline_url(namespace: str, key: str) -> str:
    return reverse("admin:entries_configentry_timeline", args=[namespace, key])


def _render(
    admin: Any, request: HttpRequest, page: str, namespace: str, key: str, context: dict[str, Any]
) -> HttpResponse:
    shared = admin.admin_site.each_context(request) | {
        "opts": admin.opts,
        "namespace": namespace,
        "key": key,
        "pk": selectors.entry_id(namespace, key),
        "mark": mark_of(namespace),
        "protected": protected([namespace]),
    }
    return TemplateResponse(request, f"admin/entries/configentry/{page}.html", shared | context)
