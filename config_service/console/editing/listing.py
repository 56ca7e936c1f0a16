"""Finding entries: what can be searched and filtered."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Case, F, QuerySet, TextField, Value, When
from django.http import HttpRequest
from django.utils import timezone

from config_service.entries.snapshots import SECRET

_AGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


class ChangedSince(admin.SimpleListFilter):
    title = "changed since"
    parameter_name = "since"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("hour", "an hour ago"), ("day", "a day ago"), ("week", "a week ago"), ("month", "30 days ago")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        age = _AGES.get(self.value())
        return queryset if age is None else queryset.filter(updated_at__gte=timezone.now() - age)


def searchable(rows: QuerySet) -> QuerySet:
    """Searching never looks into secrets, sealed as they are: what matches would tell something of them."""
    plain = Case(When(type=SECRET, then=Value("")), default=F("value"), output_field=TextField())
    return rows.annotate(searchable_value=plain)
