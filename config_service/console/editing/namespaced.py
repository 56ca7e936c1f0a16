"""What belongs to namespaces in the admin: a person sees and changes it where a permission or a grant says so."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest

from config_service.accounts import policy
from config_service.admin_base import ProposingAdmin


class NamespacedAdmin(ProposingAdmin):
    namespace_field = ""

    def lacking(self, request: HttpRequest, action: str, object_id: str | None) -> str:
        permission = self.permission(action)
        found = self.get_object(request, object_id) if object_id else None
        if self._may(request, action, found):
            return ""
        where = f"namespace {getattr(found, self.namespace_field)}" if found else "some namespace"
        return f"{permission} in {where}"

    def _may(self, request: HttpRequest, action: str, obj: Any) -> bool:
        permission = self.permission(action)
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
        visible = policy.namespaces(request.user, self.permission("view"))
        changeable = policy.namespaces(request.user, self.permission("change"))
        rows = super().get_queryset(request)
        if visible is None or changeable is None:
            return rows
        return rows.filter(**{f"{self.namespace_field}__in": visible | changeable})

    def require(self, request: HttpRequest, action: str, namespace: str) -> None:
        if not request.user.has_perm(permission := self.permission(action), namespace):
            raise PermissionDenied(f"this needs the permission {permission} in namespace {namespace}")


def require(request: HttpRequest, *actions: str, namespace: str) -> None:
    """`PermissionDenied`, naming what is missing. ``actions`` are those of `policy.ACTIONS`."""
    for action in actions:
        if lacking := policy.missing(request.user, None, action, namespace):
            raise PermissionDenied(f"this needs the permission {lacking} in namespace {namespace}")


def require_sight(request: HttpRequest, namespace: str) -> None:
    """Who may change a namespace's entries may see them."""
    if not policy.may(request.user, None, "change", namespace):
        require(request, "read", namespace=namespace)
