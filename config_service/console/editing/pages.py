"""From the form to a preview to a proposal, and to the conflict page where somebody was faster.

Every step is one POST to the entry's own page that carries all that was typed, so nothing is kept between them and any
node can answer the next one. The name of the button says which step it is.
"""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import uuid4

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from config_service.accounts import policy
from config_service.banner import group_banner
from config_service.changesets.services import MAX_TITLE_LENGTH
from config_service.console.changing.proposing import draft_in, offered, propose, wanted_of
from config_service.console.editing import draft as drafts
from config_service.console.editing.conflict import three_way
from config_service.console.editing.draft import Draft, draft_of
from config_service.console.editing.form import VALUE_FIELDS, EntryForm, fields_of
from config_service.console.editing.history_pages import number
from config_service.console.editing.marks import mark_of, protected, unconfirmed
from config_service.console.editing.preview import preview
from config_service.console.editing.verdict import verdict
from config_service.entries import selectors, services
from config_service.entries.snapshots import SECRET, EntrySnapshot
from config_service.errors import PreconditionFailed, ProductError
from config_service.refusals import REFUSALS, explain
from consensus.errors import OutcomeUnknown

STEPS = ("preview", "save", "propose", "merge", "edit")
CHOICE = "choice:"


class EntryAdminLike(Protocol):
    admin_site: Any
    opts: Any

    def message_user(self, request: HttpRequest, message: str, level: int = ...) -> None: ...


class EntryPages:
    """One request about one entry. ``entry`` is what is there; None for a new one, or for one that is gone."""

    def __init__(self, admin: EntryAdminLike, request: HttpRequest, entry: EntrySnapshot | None):
        self._admin = admin
        self._request = request
        self._user = request.user
        self._entry = entry if request.method != "POST" else entry or self._entry_named(request.POST)

    # --- the steps -------------------------------------------------------------------------------------------------
    def respond(self) -> HttpResponse:
        if self._request.method != "POST":
            return self._edit(EntryForm(None, initial=self._initial(), **self._known()))
        step = next((name for name in STEPS if f"_{name}" in self._request.POST), "preview")
        form = self._posted_form()
        if step == "merge":
            return self._merge_again()
        if step == "edit" or not form.is_valid():
            return self._edit(form)
        draft = form.draft()
        self._require(draft)
        if reasons := verdict(draft).reasons:
            form.add_error(VALUE_FIELDS[draft.type], list(reasons))
            return self._edit(form)
        match step:
            case "save":
                return self._save(form, draft)
            case "propose":
                return self._propose(form, draft)
        return self._preview(form, draft)

    def show_again(self, reason: str) -> HttpResponse:
        """The form with what was typed, and nothing done."""
        return self._edit(self._posted_form(), reason)

    def _preview(
        self, form: EntryForm, draft: Draft, refusal: Exception | None = None, unconfirmed: str = ""
    ) -> HttpResponse:
        current = selectors.find_entry(draft.namespace, draft.key)
        if (current.revision if current else 0) != draft.base_revision:
            return self._conflict(draft, current, {})
        if isinstance(refusal, ProductError):
            self._show_field_errors(form, draft, refusal)
        banner = group_banner()
        posted = self._request.POST
        return self._render("preview", {
            "title": f"Review {draft.name}",
            "form": form,
            "draft": draft,
            "current": current,
            "preview": preview(draft, current),
            "verdict": verdict(draft),
            "protected": protected([draft.namespace]),
            "mark": mark_of(draft.namespace),
            "refusal": explain(refusal) if refusal else unconfirmed,
            "outcome_unknown": isinstance(refusal, OutcomeUnknown),
            "change_sets": offered(self._user),
            "change_set": number(posted.get("change_set")) or form.cleaned_data.get("from_change_set"),
            "change_title": posted.get("change_title", draft.comment or f"Change {draft.key}"[:MAX_TITLE_LENGTH]),
            "writing_off": banner.text if banner.warning else "",
            "request_id": self._request_id(),
        })  # fmt: skip

    def _save(self, form: EntryForm, draft: Draft) -> HttpResponse:
        if missing := unconfirmed(self._request.POST, [draft.namespace]):
            return self._preview(form, draft, unconfirmed=missing)
        try:
            written = services.put_entry(
                self._user.get_username(),
                draft.namespace,
                draft.key,
                draft.value,
                type=draft.type,
                comment=draft.comment,
                expected_revision=draft.base_revision,
                expires_at=draft.expires_at,
                request_id=self._request_id(),
            )
        except PreconditionFailed:
            return self._conflict(draft, selectors.find_entry(draft.namespace, draft.key), {})
        except REFUSALS as error:
            return self._preview(form, draft, error)
        self._admin.message_user(self._request, self._saved(written.entry, written.created), messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:entries_configentry_changelist"))

    def _propose(self, form: EntryForm, draft: Draft) -> HttpResponse:
        posted = self._request.POST
        title = posted.get("change_title", "")
        try:
            made = propose(self._user, [wanted_of(draft)], number(posted.get("change_set")), title)
        except PreconditionFailed:
            return self._conflict(draft, selectors.find_entry(draft.namespace, draft.key), {})
        except REFUSALS as error:
            return self._preview(form, draft, error)
        self._admin.message_user(self._request, f"In the change set now: {draft.name}", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:changesets_changeset_change", args=[made.id]))

    def _conflict(self, draft: Draft, current: EntrySnapshot | None, choices: Mapping[str, str]) -> HttpResponse:
        if current is not None and not self._may_see(current.namespace):
            return self.show_again(
                "Nothing was changed: there is an entry with this name already, which you may not see."
            )
        ways = three_way(draft, current, choices)
        initial = fields_of(ways.merged, secret_in_clear=True)
        initial["from_change_set"] = number(self._request.POST.get("from_change_set"))
        form = EntryForm(None, initial=initial, namespaces=[draft.namespace], base=ways.merged)
        return self._render("conflict", {
            "title": f"Changed meanwhile: {draft.name}", "form": form, "draft": draft, "ways": ways,
            "mine": drafts.to_text(draft), "mark": mark_of(draft.namespace),
        })  # fmt: skip

    def _merge_again(self) -> HttpResponse:
        mine = drafts.from_text(self._request.POST.get("mine", ""))
        if mine is None:
            return self._edit(self._posted_form(), "Your version could not be read again: go on with what is here.")
        self._require(mine)
        chosen = {
            name.removeprefix(CHOICE): value for name, value in self._request.POST.items() if name.startswith(CHOICE)
        }
        return self._conflict(mine, selectors.find_entry(mine.namespace, mine.key), chosen)

    def _edit(self, form: EntryForm, reason: str = "") -> HttpResponse:
        name = form.base.name if form.base else ""
        entry = self._entry
        may_write = self._may("change", entry.namespace) if entry else True
        return self._render("edit", {
            "title": name or "New entry",
            "form": form,
            "entry": entry,
            "draft": form.base,
            "mark": mark_of(form.base.namespace) if form.base else None,
            "reason": reason,
            "may_write": may_write,
            "may_delete": entry is not None and self._may("delete", entry.namespace),
            "may_reveal": entry is not None and entry.type == SECRET and self._may("reveal", entry.namespace),
        })  # fmt: skip

    # --- what they share -------------------------------------------------------------------------------------------
    def _initial(self) -> dict[str, Any]:
        asked = self._request.GET
        place = (
            (self._entry.namespace, self._entry.key)
            if self._entry
            else (asked.get("namespace", ""), asked.get("key", ""))
        )
        if change_set := number(asked.get("change_set")):
            drafted = draft_in(self._user, change_set, *place)
            found = drafted or (draft_of(self._entry) if self._entry else None)
            return (fields_of(found) if found else {}) | {"from_change_set": change_set}
        if self._entry is not None:
            return fields_of(draft_of(self._entry))
        return {name: asked[name] for name in ("namespace", "key", "type") if name in asked}

    def _known(self) -> dict[str, Any]:
        """Which namespaces there are to choose from, and what is settled."""
        if self._entry is not None:
            return {"namespaces": [self._entry.namespace], "base": draft_of(self._entry)}
        names = [held.namespace.name for held in selectors.list_namespaces()]
        return {"namespaces": [name for name in names if self._may("create", name)]}

    def _entry_named(self, data: QueryDict) -> EntrySnapshot | None:
        """What a form without an entry of its own is about, once it is based on a revision: it was there already when
        it was to be added, or it has been deleted and made anew."""
        namespace, key = data.get("namespace", ""), data.get("key", "")
        if data.get("base_revision", "0") in ("", "0") or "\0" in namespace + key or not self._may_see(namespace):
            return None
        return selectors.find_entry(namespace, key)

    def _posted_form(self) -> EntryForm:
        data: QueryDict = self._request.POST
        if self._entry is not None:
            data = data.copy()
            data["namespace"], data["key"] = self._entry.namespace, self._entry.key
        return EntryForm(data, **self._known())

    def _require(self, draft: Draft) -> None:
        action = "change" if draft.base_revision else "create"
        if lacking := policy.missing(self._user, None, action, draft.namespace):
            raise PermissionDenied(f"this needs the permission {lacking} in namespace {draft.namespace}")

    def _may(self, action: str, namespace: str) -> bool:
        return policy.may(self._user, None, action, namespace)

    def _may_see(self, namespace: str) -> bool:
        return self._may("read", namespace) or self._may("change", namespace)

    def _request_id(self) -> str:
        """The preview's own, so that pressing Save once more after an unknown outcome asks the same thing again."""
        given = self._request.POST.get("request_id", "") if "_save" in self._request.POST else ""
        return given if given.isalnum() and len(given) == 32 else uuid4().hex

    def _show_field_errors(self, form: EntryForm, draft: Draft, refusal: ProductError) -> None:
        for name, texts in refusal.errors.items():
            field = VALUE_FIELDS[draft.type] if name.partition("/")[0] == "value" else name
            form.add_error(field if field in form.fields else None, texts)

    def _saved(self, entry: EntrySnapshot, created: bool) -> str:
        pk = selectors.entry_id(entry.namespace, entry.key)
        name = f"{entry.namespace}/{entry.key}"
        said = "was added" if created else "was saved"
        if pk is None:
            return f"{name} {said} as revision {entry.revision}."
        url = reverse("admin:entries_configentry_change", args=[pk])
        return format_html('<a href="{}">{}</a> {} as revision {}.', url, name, said, entry.revision)

    def _render(self, page: str, context: dict[str, Any]) -> HttpResponse:
        """Typed secrets go back and forth in these pages, so no cache keeps them."""
        shared = self._admin.admin_site.each_context(self._request) | {
            "opts": self._admin.opts,
            "pk": self._entry and selectors.entry_id(self._entry.namespace, self._entry.key),
        }
        response = TemplateResponse(self._request, f"admin/entries/configentry/{page}.html", shared | context)
        response["Cache-Control"] = "no-store"
        return response
