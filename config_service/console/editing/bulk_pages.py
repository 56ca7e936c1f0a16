"""One thing done to many entries: first exactly what would happen, then all of it or nothing."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from config_service.accounts import policy
from config_service.console.changing.proposing import offered, propose, wanted_of_plan
from config_service.console.editing.history_pages import number
from config_service.console.editing.marks import approval_needed, protected, unconfirmed
from config_service.entries import bulk, selectors
from config_service.entries.bulk import COPY, DELETE, MOVE, Plan, Seen
from config_service.entries.snapshots import EntrySnapshot
from config_service.errors import PreconditionFailed, ProductError
from config_service.refusals import REFUSALS, explain

_TITLES = {DELETE: "Delete entries", COPY: "Copy entries", MOVE: "Move entries"}
_DONE = {DELETE: "deleted", COPY: "copied", MOVE: "moved"}


class TargetForm(forms.Form):
    namespace = forms.ChoiceField(label="To namespace")
    prefix = forms.CharField(
        required=False, label="Put before each key", widget=forms.TextInput(attrs={"placeholder": "archive/"})
    )

    def __init__(self, data: Any, names: Sequence[str], **kwargs: Any):
        super().__init__(data, **kwargs)
        self.fields["namespace"].choices = [(name, name) for name in names]


def begin(admin: Any, request: HttpRequest, entries: Sequence[EntrySnapshot], action: str) -> HttpResponse:
    """From the list, with what was selected there."""
    return _BulkPage(admin, request, entries, action).show()


def go_on(admin: Any, request: HttpRequest) -> HttpResponse:
    """From the page itself."""
    action, shown = request.POST.get("bulk_action", ""), _read(request.POST.get("seen", ""))
    if request.method != "POST" or action not in bulk.ACTIONS or not shown:
        messages.error(request, "Select the entries in the list.")
        return HttpResponseRedirect(_list_url())
    there = selectors.entries_of([(one.namespace, one.key) for one in shown])
    visible = [entry for entry in there.values() if _may_see(request, entry.namespace)]
    page = _BulkPage(admin, request, visible, action)
    return page.confirm(shown) if {"_confirm", "_propose"} & request.POST.keys() else page.show()


class _BulkPage:
    def __init__(self, admin: Any, request: HttpRequest, entries: Sequence[EntrySnapshot], action: str):
        self._admin = admin
        self._request = request
        self._entries = entries
        self._action = action
        names = [held.namespace.name for held in selectors.list_namespaces()]
        allowed = [name for name in names if policy.may(request.user, None, "put", name)]
        data = request.POST if "seen" in request.POST else None
        self.target = TargetForm(data, allowed) if action != DELETE else None

    def show(self, changed: Iterable[str] = (), refusal: str = "") -> HttpResponse:
        plan, problem = self._plan()
        shown = [[seen.namespace, seen.key, seen.revision, seen.target_revision] for seen in self._seen(plan)]
        context = self._admin.admin_site.each_context(self._request) | {
            "title": _TITLES[self._action],
            "opts": self._admin.opts,
            "action": self._action,
            "entries": self._entries,
            "target": self.target,
            "plan": plan,
            "problem": problem,
            "lacking": self._lacking(plan) if plan else [],
            "protected": protected(plan.written) if plan else [],
            "approval": approval_needed(plan.written) if plan else [],
            "change_sets": offered(self._request.user) if plan else [],
            "change_set": number(self._request.POST.get("change_set")),
            "change_title": self._request.POST.get("change_title", _TITLES[self._action]),
            "changed": list(changed),
            "refusal": refusal,
            "seen": json.dumps(shown),
            "overwrite": "overwrite" in self._request.POST,
        }
        return TemplateResponse(self._request, "admin/entries/configentry/bulk.html", context)

    def confirm(self, shown: Sequence[Seen]) -> HttpResponse:
        plan, _ = self._plan()
        if plan is None or not plan.sound or self._lacking(plan):
            return self.show()
        if changed := bulk.changed_since(shown, plan):
            return self.show(changed)
        if "_propose" in self._request.POST:
            return self._propose(plan)
        if missing := unconfirmed(self._request.POST, plan.written):
            return self.show(refusal=missing)
        user = self._request.user.get_username()
        try:
            done = bulk.perform(user, plan, overwrite="overwrite" in self._request.POST)
        except PreconditionFailed as error:
            return self.show([error.detail])
        except REFUSALS as error:
            return self.show(refusal=explain(error))
        count = len(plan.items)
        subject = "1 entry was" if count == 1 else f"{count} entries were"
        messages.success(self._request, f"{subject} {_DONE[self._action]} as revision {done.revision}.")
        return HttpResponseRedirect(_list_url())

    def _propose(self, plan: Plan) -> HttpResponse:
        posted, user = self._request.POST, self._request.user
        if plan.replaced and "overwrite" not in posted:
            return self.show(
                refusal=f"Nothing was changed: {plan.replaced} entries would be replaced, which was not asked for"
            )
        try:
            wanted = wanted_of_plan(user.get_username(), plan)
            made = propose(user, wanted, number(posted.get("change_set")), posted.get("change_title", ""))
        except PreconditionFailed as error:
            return self.show([error.detail])
        except REFUSALS as error:
            return self.show(refusal=explain(error))
        return HttpResponseRedirect(reverse("admin:changesets_changeset_change", args=[made.id]))

    def _plan(self) -> tuple[Plan | None, str]:
        """None while it is not known where to."""
        if self.target is None:
            return bulk.plan(DELETE, self._entries), ""
        if not self.target.is_bound or not self.target.is_valid():
            return None, ""
        chosen = self.target.cleaned_data
        try:
            return bulk.plan(self._action, self._entries, chosen["namespace"], chosen["prefix"]), ""
        except ProductError as error:
            return None, error.detail

    def _seen(self, plan: Plan | None) -> list[Seen]:
        if plan is not None:
            return [item.seen for item in plan.items]
        return [Seen(entry.namespace, entry.key, entry.revision) for entry in self._entries]

    def _lacking(self, plan: Plan) -> list[str]:
        """Every permission that is missing, and where."""
        needed = [("delete", name) for name in plan.sources if plan.action != COPY]
        needed += [("put", item.target[0]) for item in plan.items if item.target]
        needed += [("reveal", item.entry.namespace) for item in plan.secrets]
        user = self._request.user
        found = [(policy.missing(user, None, action, name), name) for action, name in dict.fromkeys(needed)]
        return [f"{permission} in namespace {name}" for permission, name in found if permission]


def _read(text: str) -> list[Seen]:
    try:
        found = [Seen(str(ns), str(key), int(revision), int(target)) for ns, key, revision, target in json.loads(text)]
    except (ValueError, TypeError):
        return []
    return [one for one in found if "\0" not in one.namespace + one.key]


def _may_see(request: HttpRequest, namespace: str) -> bool:
    return any(policy.may(request.user, None, action, namespace) for action in ("read", "change"))


def _list_url() -> str:
    return reverse("admin:entries_configentry_changelist")
