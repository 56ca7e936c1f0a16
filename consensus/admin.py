"""The nodes of the group, for people: how each is, and what can be done about it."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse

from consensus import services
from consensus.errors import ConsensusError
from consensus.models import Member


class LiveChangeList(ChangeList):
    """Each row with what this node knows of its node now (``live``, None if it is not a member any more)."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        view = services.group_view()
        self.result_list = list(self.result_list)
        for member in self.result_list:
            member.live = view.member(member.node)


@admin.register(Member)
class MemberAdmin(admin.ModelAdmin):
    list_display = ["node", "role", "term", "applied_index", "lag", "last_heard", "current_state"]
    list_display_links = None
    actions = ["drain_selected", "undrain_selected", "transfer_here"]
    ordering = ["node"]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LiveChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Member | None = None) -> bool:
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("consensus.operate_group")

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404

    # --- columns ---------------------------------------------------------------------------------------------------
    @admin.display
    def role(self, member: Member) -> str:
        return member.live.role if member.live else "unknown"

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
    def last_heard(self, member: Member) -> str:
        if member.live is None or member.live.heard_ms is None:
            return "never"
        if member.live.heard_ms == 0:
            return "this node"
        return f"{member.live.heard_ms / 1000:.1f} s ago" + ("" if member.live.reachable else " (does not answer)")

    @admin.display(description="state")
    def current_state(self, member: Member) -> str:
        halted = f", has stopped applying: {member.live.halted}" if member.live and member.live.halted else ""
        return member.state + halted

    # --- actions ---------------------------------------------------------------------------------------------------
    @admin.action(permissions=["operate"], description="Drain selected nodes")
    def drain_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        for member in queryset:
            self._operate(request, f"Draining {member.node}", services.drain, member.node)

    @admin.action(permissions=["operate"], description="Undrain selected nodes")
    def undrain_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        for member in queryset:
            self._operate(request, f"Active again: {member.node}", services.undrain, member.node)

    @admin.action(permissions=["operate"], description="Transfer leadership here")
    def transfer_here(self, request: HttpRequest, queryset: QuerySet) -> None:
        nodes = [member.node for member in queryset]
        if len(nodes) != 1:
            self.message_user(request, "Select the one node that is to lead.", messages.ERROR)
            return
        try:
            services.transfer_leadership(nodes[0])
        except ConsensusError as error:
            self.message_user(request, f"{nodes[0]}: {error}", messages.ERROR)
        else:
            self.message_user(request, f"Leading now: {nodes[0]}.", messages.SUCCESS)

    def _operate(self, request: HttpRequest, done: str, operation: Any, node: str) -> None:
        try:
            operation(node, request.user.get_username())
        except ConsensusError as error:
            self.message_user(request, f"{node}: {error}", messages.ERROR)
        else:
            self.message_user(request, f"{done}.", messages.SUCCESS)
