"""The audit trail in the admin: to look at, never to change."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse

from config_service.admin_access import NamingAdmin
from config_service.audit.models import AuditRecord


class ChannelFilter(admin.AllValuesFieldListFilter):
    """What the group does by itself comes in by no channel: that has a name here too."""

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        for choice in super().choices(changelist):
            yield choice | {"display": choice["display"] or "the group itself"}


@admin.register(AuditRecord)
class AuditRecordAdmin(NamingAdmin):
    list_display = ["revision", "moment", "actor", "action", "what", "channel", "address", "token"]
    list_filter = ["action", ("channel", ChannelFilter)]
    search_fields = ["=actor", "=request_id", "=address"]
    search_help_text = "An actor, a request id or an address, exactly"
    ordering = ["-revision"]
    list_per_page = 50
    show_full_result_count = False
    fields = [
        "revision", "position", "at", "actor", "action", "what", "channel", "address", "token", "request_id",
        "digest_hex", "previous_hex",
    ]  # fmt: skip
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditRecord | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditRecord | None = None) -> bool:
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404

    @admin.display(description="at (UTC)", ordering="revision")
    def moment(self, record: AuditRecord) -> str:
        return record.at[:19].replace("T", " ")

    @admin.display
    def what(self, record: AuditRecord) -> str:
        return "; ".join(_line(target) for target in record.targets)

    @admin.display(description="digest")
    def digest_hex(self, record: AuditRecord) -> str:
        return bytes(record.digest).hex()

    @admin.display(description="digest of the record before")
    def previous_hex(self, record: AuditRecord) -> str:
        return bytes(record.previous).hex()


def _line(target: Any) -> str:
    """A tampered row may hold anything: it is shown as it is."""
    if not isinstance(target, dict):
        return json.dumps(target)
    name = target.get("name") or "/".join(str(target[part]) for part in ("namespace", "key") if part in target)
    detail = f" ({target['detail']})" if "detail" in target else ""
    return f"{target.get('kind', '')} {name or target.get('id', '')}{detail}"
