"""Namespaces in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from config_service.console.editing import namespace_pages, transfer_pages
from config_service.console.editing.namespaced import NamespacedAdmin
from config_service.entries import services
from config_service.entries.models import Namespace


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
            *super().get_urls(),
        ]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:entries_namespace_timeline", args=[object_id]))
