"""Namespaces and entries in the admin."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, F, QuerySet, TextField, Value, When
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from config_service.accounts import policy
from config_service.admin_base import ProposingAdmin
from config_service.entries import selectors, services
from config_service.entries.forms import EntryForm, shorten
from config_service.entries.models import ConfigEntry, Namespace
from config_service.entries.reveal import reveal
from config_service.entries.snapshots import SECRET
from config_service.errors import PreconditionFailed
from config_service.refusals import REFUSALS, explain

MASK = "••••••••"


class NamespacedAdmin(ProposingAdmin):
    """What belongs to namespaces: a person sees and changes it where a permission or a grant says so."""

    namespace_field = ""

    def _permission(self, action: str) -> str:
        return f"{self.opts.app_label}.{action}_{self.opts.model_name}"

    def _may(self, request: HttpRequest, action: str, obj: Any) -> bool:
        permission = self._permission(action)
        if obj is None:
            return policy.may_anywhere(request.user, permission)
        return request.user.has_perm(permission, getattr(obj, self.namespace_field))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "view", obj) or self._may(request, "change", obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "delete", obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "add", None)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        visible = policy.namespaces(request.user, self._permission("view"))
        changeable = policy.namespaces(request.user, self._permission("change"))
        rows = super().get_queryset(request)
        if visible is None or changeable is None:
            return rows
        return rows.filter(**{f"{self.namespace_field}__in": visible | changeable})

    def require(self, request: HttpRequest, action: str, namespace: str) -> None:
        if not request.user.has_perm(permission := self._permission(action), namespace):
            raise PermissionDenied(f"this needs the permission {permission} in namespace {namespace}")


@admin.register(Namespace)
class NamespaceAdmin(NamespacedAdmin):
    namespace_field = "name"
    list_display = ["name", "description", "revision", "updated_at", "updated_by"]
    search_fields = ["name", "description"]
    fields = ["name", "description", "revision", "updated_at", "updated_by"]
    readonly_fields = ["revision", "updated_at", "updated_by"]

    def get_readonly_fields(self, request: HttpRequest, obj: Namespace | None = None) -> list[str]:
        return ["name", *self.readonly_fields] if obj else []

    def get_fields(self, request: HttpRequest, obj: Namespace | None = None) -> list[str]:
        return self.fields if obj else ["name", "description"]

    def propose_save(self, request: HttpRequest, obj: Namespace, form: forms.ModelForm, change: bool) -> None:
        self.require(request, "change" if change else "add", obj.name)
        services.put_namespace(request.user.get_username(), obj.name, obj.description, must_not_exist=not change)

    def propose_delete(self, request: HttpRequest, obj: Namespace) -> None:
        self.require(request, "delete", obj.name)
        services.delete_namespace(request.user.get_username(), obj.name)


@admin.register(ConfigEntry)
class ConfigEntryAdmin(NamespacedAdmin):
    """An edit is based on the revision that the form showed. If the entry has moved on, the save is refused and shows
    what is there now; the next save is then based on that."""

    form = EntryForm
    namespace_field = "namespace_id"
    list_display = ["key", "namespace", "short_value", "type", "revision", "updated_at", "updated_by"]
    list_filter = ["namespace", "type", "updated_by"]
    list_select_related = False
    search_fields = ["key", "searchable_value", "comment"]
    actions = [*ProposingAdmin.actions, "reveal_selected"]
    readonly_fields = ["revision", "version", "updated_at", "updated_by"]
    list_per_page = 50

    def get_fields(self, request: HttpRequest, obj: ConfigEntry | None = None) -> list[str]:
        editable = ["namespace", "key", "type", "value", "comment", "base_revision", "value_format"]
        return editable + (self.readonly_fields if obj else [])

    def get_readonly_fields(self, request: HttpRequest, obj: ConfigEntry | None = None) -> list[str]:
        return ["namespace", "key", *self.readonly_fields] if obj else []

    @admin.display(description="value")
    def short_value(self, obj: ConfigEntry) -> str:
        return self._shown(obj, 80)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Searching never looks into secrets, sealed as they are: what matches would tell something of them."""
        searchable = Case(When(type=SECRET, then=Value("")), default=F("value"), output_field=TextField())
        return super().get_queryset(request).annotate(searchable_value=searchable)

    def has_reveal_permission(self, request: HttpRequest) -> bool:
        return policy.may_anywhere(request.user, "accounts.reveal_namespace")

    @admin.action(permissions=["reveal"], description="Reveal the selected secret (recorded)")
    def reveal_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """A page of its own: a message would put the secret into the session's cookie."""
        selected = list(queryset[:2])
        if len(selected) != 1:
            self.message_user(request, "Select the one secret that is to be shown.", messages.ERROR)
            return None
        entry = selected[0]
        try:
            if lacking := policy.missing(request.user, None, "reveal", entry.namespace_id):
                raise PermissionDenied(f"this needs the permission {lacking} in namespace {entry.namespace_id}")
            revealed = reveal(request.user.get_username(), entry.namespace_id, entry.key)
        except REFUSALS as error:
            self.message_user(request, f"{entry}: {error}", messages.ERROR)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": f"Secret {entry}",
            "opts": self.opts,
            "value": revealed.value_json,
            "revision": revealed.revision,
        }
        response = TemplateResponse(request, "admin/entries/configentry/revealed.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def propose_save(self, request: HttpRequest, obj: ConfigEntry, form: EntryForm, change: bool) -> None:
        self.require(request, "change" if change else "add", obj.namespace_id)
        written = services.put_entry(
            request.user.get_username(),
            obj.namespace_id,
            obj.key,
            form.cleaned_data["value"],
            type=form.cleaned_data["type"],
            comment=form.cleaned_data["comment"],
            expected_revision=form.cleaned_data["base_revision"] if change else None,
            must_not_exist=not change,
        )
        stored = ConfigEntry.objects.filter(namespace_id=obj.namespace_id, key=obj.key).first()
        obj.pk = stored.pk if stored else None
        obj.value = written.entry.value_json

    @staticmethod
    def _shown(entry: ConfigEntry, longest: int) -> str:
        return MASK if entry.type == SECRET else shorten(entry.value, longest)

    def propose_delete(self, request: HttpRequest, obj: ConfigEntry) -> None:
        self.require(request, "delete", obj.namespace_id)
        base = request.POST.get("base_revision", "")
        expected = int(base) if base.isascii() and base.isdigit() else obj.revision
        services.delete_entry(request.user.get_username(), obj.namespace_id, obj.key, expected_revision=expected)

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        context["base_revision"] = context["object"].revision
        context["current_value"] = self._shown(context["object"], 300)
        return super().render_delete_form(request, context)

    def explain_refusal(self, request: HttpRequest, error: Exception, object_id: str | None) -> str:
        if not isinstance(error, PreconditionFailed):
            return explain(error)
        entry = self.get_queryset(request).filter(pk=object_id).first() if object_id else None
        if entry is None:
            return explain(error)
        current = selectors.find_entry(entry.namespace_id, entry.key)
        if "base_revision" in request.POST and not request.POST.get("post"):
            request.POST = request.POST.copy()
            request.POST["base_revision"] = str(current.revision)
        value = MASK if current.masked else shorten(json.dumps(json.loads(current.value_json)), 300)
        return (
            f"Nothing was changed: {current.updated_by} has changed this entry meanwhile. It is now at revision "
            f"{current.revision} with the value {value}. "
            "Confirm again to go ahead all the same."
        )
