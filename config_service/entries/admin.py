"""Namespaces and entries in the admin."""

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from config_service.admin_base import ProposingAdmin
from config_service.entries import selectors, services
from config_service.entries.forms import EntryForm, shorten
from config_service.entries.models import ConfigEntry, Namespace
from config_service.errors import PreconditionFailed
from config_service.refusals import explain


@admin.register(Namespace)
class NamespaceAdmin(ProposingAdmin):
    list_display = ["name", "description", "revision", "updated_at", "updated_by"]
    search_fields = ["name", "description"]
    fields = ["name", "description", "revision", "updated_at", "updated_by"]
    readonly_fields = ["revision", "updated_at", "updated_by"]

    def get_readonly_fields(self, request: HttpRequest, obj: Namespace | None = None) -> list[str]:
        return ["name", *self.readonly_fields] if obj else []

    def get_fields(self, request: HttpRequest, obj: Namespace | None = None) -> list[str]:
        return self.fields if obj else ["name", "description"]

    def propose_save(self, request: HttpRequest, obj: Namespace, form: forms.ModelForm, change: bool) -> None:
        services.put_namespace(request.user.get_username(), obj.name, obj.description, must_not_exist=not change)

    def propose_delete(self, request: HttpRequest, obj: Namespace) -> None:
        services.delete_namespace(request.user.get_username(), obj.name)


@admin.register(ConfigEntry)
class ConfigEntryAdmin(ProposingAdmin):
    """An edit is based on the revision that the form showed. If the entry has moved on, the save is refused and shows
    what is there now; the next save is then based on that."""

    form = EntryForm
    list_display = ["key", "namespace", "short_value", "type", "revision", "updated_at", "updated_by"]
    list_filter = ["namespace", "type", "updated_by"]
    list_select_related = False
    search_fields = ["key", "value", "comment"]
    readonly_fields = ["revision", "version", "updated_at", "updated_by"]
    list_per_page = 50

    def get_fields(self, request: HttpRequest, obj: ConfigEntry | None = None) -> list[str]:
        editable = ["namespace", "key", "type", "value", "comment", "base_revision", "value_format"]
        return editable + (self.readonly_fields if obj else [])

    def get_readonly_fields(self, request: HttpRequest, obj: ConfigEntry | None = None) -> list[str]:
        return ["namespace", "key", *self.readonly_fields] if obj else []

    @admin.display(description="value")
    def short_value(self, obj: ConfigEntry) -> str:
        return shorten(obj.value)

    def propose_save(self, request: HttpRequest, obj: ConfigEntry, form: EntryForm, change: bool) -> None:
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

    def propose_delete(self, request: HttpRequest, obj: ConfigEntry) -> None:
        base = request.POST.get("base_revision", "")
        expected = int(base) if base.isascii() and base.isdigit() else obj.revision
        services.delete_entry(request.user.get_username(), obj.namespace_id, obj.key, expected_revision=expected)

    def render_delete_form(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        context["base_revision"] = context["object"].revision
        context["current_value"] = shorten(context["object"].value, 300)
        return super().render_delete_form(request, context)

    def explain_refusal(self, request: HttpRequest, error: Exception, object_id: str | None) -> str:
        if not isinstance(error, PreconditionFailed):
            return explain(error)
        entry = ConfigEntry.objects.filter(pk=object_id).first() if object_id else None
        if entry is None:
            return explain(error)
        current = selectors.find_entry(entry.namespace_id, entry.key)
        if "base_revision" in request.POST and not request.POST.get("post"):
            request.POST = request.POST.copy()
            request.POST["base_revision"] = str(current.revision)
        return (
            f"Nothing was changed: {current.updated_by} has changed this entry meanwhile. It is now at revision "
            f"{current.revision} with the value {shorten(json.dumps(json.loads(current.value_json)), 300)}. "
            "Confirm again to go ahead all the same."
        )
