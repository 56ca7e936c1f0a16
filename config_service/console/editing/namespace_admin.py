"""Namespaces in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from config_service.console.editing import namespace_pages, schema_pages, transfer_pages
from config_service.console.editing.namespaced import NamespacedAdmin, require
from config_service.console.templatetags.entries import namespace_mark
from config_service.entries import services
from config_service.entries.models import Namespace

# They say how entries may change.
RULING_MARKS = ("protected", "requires_approval", "require_if_match")


class NamespaceForm(forms.ModelForm):
    class Meta:
        model = Namespace
        fields = "__all__"
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts = {
            "colour": "A dot beside its name, wherever an entry of it is shown.",
            "protected": "People type its name before they change an entry.",
            "requires_approval": "Its entries change by change sets only, which a second person approves.",
            "require_if_match": "Programs must name the revision that a write is based on.",
        }


@admin.register(Namespace)
class NamespaceAdmin(NamespacedAdmin):
    namespace_field = "name"
    form = NamespaceForm
    list_display = ["name", "marks", "description", "schema_state", "updated_at", "updated_by"]
    search_fields = ["name", "description"]
    editable = ["description", "colour", "protected", "requires_approval", "require_if_match"]
    readonly_fields = ["revision", "updated_at", "updated_by"]

    def get_readonly_fields(self, request: HttpRequest, obj: Namespace | None = None) -> list[str]:
        return ["name", *self.readonly_fields] if obj else []

    def get_fields(self, request: HttpRequest, obj: Namespace | None = None) -> list[str]:
        return ["name", *self.editable, *(self.readonly_fields if obj else [])]

    @admin.display(description="marks", ordering="colour")
    def marks(self, obj: Namespace) -> str:
        return namespace_mark(obj)

    @admin.display(description="schema")
    def schema_state(self, obj: Namespace) -> str:
        return f"version {obj.schema_version}" if obj.schema else "none"

    def propose_save(self, request: HttpRequest, obj: Namespace, form: forms.ModelForm, change: bool) -> None:
        self.require(request, "change" if change else "add", obj.name)
        before = Namespace.objects.filter(pk=obj.name).first() if change else Namespace()
        if any(getattr(obj, mark) != bool(getattr(before, mark)) for mark in RULING_MARKS):
            require(request, "operate_namespace", namespace=obj.name)
        services.put_namespace(
            request.user.get_username(),
            obj.name,
            obj.description,
            colour=obj.colour,
            protected=obj.protected,
            requires_approval=obj.requires_approval,
            require_if_match=obj.require_if_match,
            must_not_exist=not change,
        )

    def propose_delete(self, request: HttpRequest, obj: Namespace) -> None:
        self.require(request, "delete", obj.name)
        services.delete_namespace(request.user.get_username(), obj.name)

    def get_urls(self) -> list[Any]:
        def of_namespace(page: Any, route: str) -> Any:
            def view(request: HttpRequest, name: str) -> HttpResponse:
                return page(self, request, name)

            return path(f"<slug:name>/{route}/", self.admin_site.admin_view(view), name=f"entries_namespace_{route}")

        return [
            of_namespace(namespace_pages.timeline, "timeline"),
            of_namespace(namespace_pages.state, "state"),
            of_namespace(namespace_pages.revert, "revert"),
            of_namespace(transfer_pages.export, "export"),
            of_namespace(transfer_pages.import_file, "import"),
            of_namespace(schema_pages.schema, "schema"),
            *super().get_urls(),
        ]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:entries_namespace_timeline", args=[object_id]))
