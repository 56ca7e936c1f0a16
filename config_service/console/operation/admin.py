"""The nodes of the group, for people: how each is, and what can be done about it."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from config_service.admin_access import NamingAdmin
from config_service.console.operation.operations import OPERATIONS
from config_service.console.operation.views import PERMISSION, OperationPages, address
from consensus import services
from consensus.group_commands import ACTIVE, DIVERGED
from consensus.models import Member


class LiveChangeList(ChangeList):
    """Each row with what this node knows of its node now (``live``, None if it is not a member any more)."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        view = services.group_view()
        self.result_list = list(self.result_list)
        for member in self.result_list:
            member.live = view.member(member.node)
            member.offered = self.model_admin.offered(request, view, member.node)


def badge(text: str, kind: str = "") -> str:
    return render_to_string("parts/badge.html", {"text": text, "kind": kind})


@admin.register(Member)
class MemberAdmin(NamingAdmin):
    list_display = ["node", "role", "current_state", "lag", "last_heard", "watchers", "applied_index", "term", "do"]
    list_display_links = None
    actions = ["drain_selected", "undrain_selected", "transfer_here"]
    ordering = ["node"]
    change_list_template = "admin/consensus/member/change_list.html"

    def get_urls(self) -> list[Any]:
        return OperationPages(self).urls + super().get_urls()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LiveChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        view = services.group_view()
        operations = OPERATIONS.values() if self.has_operate_permission(request) else ()
        own = {"joining": view.joining, "operations": [one for one in operations if one.choices(view)]}
        return super().changelist_view(request, {**own, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404

    def offered(self, request: HttpRequest, view: services.GroupView, node: str) -> list[tuple[str, str]]:
        """Address and name of what may be done about ``node``."""
        if not self.has_operate_permission(request):
            return []
        fitting = [one for one in OPERATIONS.values() if node in one.choices(view)]
        return [(address("operate", one.name, [node]), one.verb) for one in fitting]

    # --- columns ---------------------------------------------------------------------------------------------------
    @admin.display
    def role(self, member: Member) -> str:
        role = member.live.role if member.live else "unknown"
        return badge(role, {"leader": "info", "unknown": "bad"}.get(role, ""))

    @admin.display
    def term(self, member: Member) -> int | None:
        return member.live.term if member.live else None

    @admin.display
    def applied_index(self, member: Member) -> int | None:
        return member.live.applied_index if member.live else None

    @admin.display
    def lag(self, member: Member) -> int | None:
        return member.live.lag if member.live else None

    @admin.display
    def watchers(self, member: Member) -> int | None:
        return member.live.load.watchers if member.live and member.live.load else None

    @admin.display
    def last_heard(self, member: Member) -> str:
        if member.live is None or member.live.heard_ms is None:
            return "never"
        if member.live.heard_ms == 0:
            return "this node"
        return f"{member.live.heard_ms / 1000:.1f} s ago" + ("" if member.live.reachable else " (does not answer)")

    @admin.display(description="state")
    def current_state(self, member: Member) -> str:
        if member.live and member.live.state == DIVERGED:
            return badge(f"{DIVERGED}: {member.live.halted}", "bad")
        if member.live and member.live.halted:
            return badge(f"{member.state}, has stopped applying: {member.live.halted}", "bad")
        return badge(member.state, "ok" if member.state == ACTIVE else "warn")

    @admin.display(description="what can be done")
    def do(self, member: Member) -> SafeString:
        return format_html_join(" · ", '<a href="{}">{}</a>', member.offered)

    # --- actions: each leads to its page, which looks ahead first ---------------------------------------------------
    @admin.action(permissions=["operate"], description="Drain selected nodes")
    def drain_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        return self._lead_to("drain", queryset)

    @admin.action(permissions=["operate"], description="Undrain selected nodes")
    def undrain_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        return self._lead_to("undrain", queryset)

    @admin.action(permissions=["operate"], description="Transfer leadership here")
    def transfer_here(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        return self._lead_to("transfer", queryset)

    def _lead_to(self, operation: str, queryset: QuerySet) -> HttpResponse:
        return HttpResponseRedirect(address("operate", operation, [member.node for member in queryset]))
