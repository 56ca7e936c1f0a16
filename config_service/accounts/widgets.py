"""Fields of the accounts' forms."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet

# The headings over permissions, by the app that they belong to, in the order in which people look for them.
_HEADINGS = {
    "entries": "Entries and namespaces",
    "accounts": "Users, tokens and grants",
    "auth": "Groups",
    "consensus": "Nodes",
    "audit": "Audit trail",
}
# Nodes and the audit trail are looked at, grants are made and taken back: nobody may do more, whatever they hold.
_IDLE = ("add_member", "change_member", "delete_member", "add_auditrecord", "change_auditrecord", "delete_auditrecord",
         "change_grant")  # fmt: skip
_OF_MODELS = r"^(add|change|delete|view)_"


def listed_permissions() -> QuerySet[Permission]:
    """The permissions that something asks for: those of what is in the admin, and those with names of their own."""
    shown = Q(pk__in=[])
    for model in admin.site._registry:
        shown |= Q(content_type__app_label=model._meta.app_label, content_type__model=model._meta.model_name)
    own = ~Q(codename__regex=_OF_MODELS)
    found = Permission.objects.filter((shown & ~Q(codename__in=_IDLE)) | own).select_related("content_type")
    return found.order_by("content_type__app_label", "content_type__model", "pk")


class CheckboxList(forms.CheckboxSelectMultiple):
    """Every choice is seen and ticked by itself; groups of choices have headings."""

    template_name = "admin/widgets/checkbox_list.html"


class PermissionsField(forms.ModelMultipleChoiceField):
    """The permissions by what they are about, in words."""

    widget = CheckboxList

    def __init__(self, **kwargs: Any):
        super().__init__(listed_permissions(), required=False, **kwargs)
        self.choices = self._grouped

    def _grouped(self) -> list[tuple[str, list[tuple[int, str]]]]:
        found: dict[str, list[tuple[int, str]]] = {heading: [] for heading in _HEADINGS.values()}
        for permission in self.queryset.all():
            heading = _HEADINGS.get(permission.content_type.app_label, "Other")
            found.setdefault(heading, []).append((permission.pk, permission.name))
        return [(heading, choices) for heading, choices in found.items() if choices]


class MomentField(forms.DateTimeField):
    """A date and a time in one field, in UTC as everywhere in the admin."""

    def __init__(self, **kwargs: Any):
        shape = "%Y-%m-%dT%H:%M"
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=shape)
        super().__init__(widget=widget, input_formats=[shape, "%Y-%m-%dT%H:%M:%S"], **kwargs)
