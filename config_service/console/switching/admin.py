"""What the admin's site knows switches by: their recorded changes. The pages are our own."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config_service.console.switching import pages
from config_service.switches.models import SwitchChange


@admin.register(SwitchChange)
class SwitchAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: SwitchChange | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SwitchChange | None = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        """The list, and one page a switch; none of the model's own pages for single rows."""

        def one(request: HttpRequest, name: str) -> HttpResponse:
            return pages.switch(self, request, name)

        return [
            path("", self.admin_site.admin_view(self.changelist_view), name="switches_switchchange_changelist"),
            path("versions.json", self.admin_site.admin_view(pages.versions), name="switches_versions"),
            path("<str:name>/", self.admin_site.admin_view(one), name="switches_switch"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return pages.switches(self, request)
