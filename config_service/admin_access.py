"""A `ModelAdmin` whose refusals name the permission that is missing; Django's own say nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse


class NamingAdmin(admin.ModelAdmin):
    def permission(self, action: str) -> str:
        return f"{self.opts.app_label}.{action}_{self.opts.model_name}"

    def lacking(self, request: HttpRequest, action: str, object_id: str | None) -> str:
        """The permission that ``action`` needs and the user has not; "" if it is not for want of one."""
        permission = self.permission(action)
        return "" if request.user.has_perm(permission) else permission

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        with self._naming(request, "view"):
            return super().changelist_view(request, extra_context)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        action = "add" if object_id is None else "change" if request.method == "POST" else "view"
        with self._naming(request, action, object_id):
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        with self._naming(request, "delete", object_id):
            return super().delete_view(request, object_id, extra_context)

    @contextmanager
    def _naming(self, request: HttpRequest, action: str, object_id: str | None = None) -> Iterator[None]:
        try:
            yield
        except PermissionDenied as refusal:
            if refusal.args or not (lacking := self.lacking(request, action, object_id)):
                raise
            raise PermissionDenied(f"this needs the permission {lacking}") from refusal
