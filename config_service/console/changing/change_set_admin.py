"""Change sets in the admin."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config_service.accounts import policy
from config_service.changesets.models import ChangeSet
from config_service.console.changing import pages


@admin.register(ChangeSet)
class ChangeSetAdmin(admin.ModelAdmin):
    """Whoever may see an entry somewhere has a list; what is on it follows from the namespaces of each."""

    def has_view_permission(self, request: HttpRequest, obj: ChangeSet | None = None) -> bool:
        return policy.may_anywhere(request.user, "entries.view_configentry")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ChangeSet | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ChangeSet | None = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self._one)
        return [path("<int:change_set>/change/", view, name="changesets_changeset_change"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied("this needs the permission entries.view_configentry in some namespace")
        return pages.listing(self, request)

    def _one(self, request: HttpRequest, change_set: int) -> HttpResponse:
        return pages.one(self, request, change_set)
