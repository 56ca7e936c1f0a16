"""Entries in the admin: the list, and the way to every page about them."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path

from config_service.console.editing import bulk_pages, history_pages, transfer_pages
from config_service.console.editing.listing import ChangedSince, searchable
from config_service.console.editing.namespaced import NamespacedAdmin, require
from config_service.console.editing.pages import EntryPages
from config_service.console.editing.resume import keeps_what_was_typed
from config_service.console.editing.timeline import shorten
from config_service.differences.documents import HIDDEN
from config_service.entries import bulk, selectors
from config_service.entries.models import ConfigEntry
from config_service.entries.reveal import reveal
from config_service.entries.snapshots import SECRET, EntrySnapshot, time_text
from config_service.entries.transacting import MAX_OPERATIONS
from config_service.refusals import REFUSALS, explain

MOST_EXPORTED = 1000


@admin.register(ConfigEntry)
class ConfigEntryAdmin(NamespacedAdmin):
    namespace_field = "namespace_id"
    list_display = ["name", "where", "short_value", "kind", "changed"]
    list_filter = ["namespace", "type", "updated_by", ChangedSince]
    list_select_related = ["namespace"]
    show_facets = admin.ShowFacets.NEVER
    search_fields = ["key", "searchable_value", "comment"]
    search_help_text = "Searches keys, values and comments; never secrets."
    actions = ["delete_selected", "move_selected", "copy_selected", "export_selected"]
    list_per_page = 50
    show_full_result_count = False

    # --- the list --------------------------------------------------------------------------------------------------
    # Only the heads of the columns: the rows are rendered by templatetags/entries.py.
    @admin.display(description="key", ordering="key")
    def name(self, obj: ConfigEntry) -> str:
        return obj.key

    @admin.display(description="namespace", ordering="namespace_id")
    def where(self, obj: ConfigEntry) -> str:
        return obj.namespace_id

    @admin.display(description="value")
    def short_value(self, obj: ConfigEntry) -> str:
        return HIDDEN if obj.type == SECRET else shorten(obj.value)

    @admin.display(description="type", ordering="type")
    def kind(self, obj: ConfigEntry) -> str:
        return obj.type

    @admin.display(description="changed", ordering="updated_at")
    def changed(self, obj: ConfigEntry) -> str:
        return time_text(obj.updated_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return searchable(super().get_queryset(request))

    @admin.action(permissions=["delete"], description="Delete…")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._begin(request, queryset, bulk.DELETE)

    @admin.action(permissions=["delete"], description="Move to another namespace…")
    def move_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._begin(request, queryset, bulk.MOVE)

    @admin.action(permissions=["add"], description="Copy to another namespace…")
    def copy_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        return self._begin(request, queryset, bulk.COPY)

    @admin.action(permissions=["view"], description="Export…")
    def export_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        ids = list(queryset.values_list("pk", flat=True)[: MOST_EXPORTED + 1])
        if len(ids) > MOST_EXPORTED:
            self.message_user(request, f"Choose at most {MOST_EXPORTED}, or export the namespace.", messages.ERROR)
            return None
        return self._export(request, ids)

    def _export(self, request: HttpRequest, ids: list[int]) -> HttpResponse:
        request.POST = request.POST.copy()
        request.POST.setlist("_selected_action", [str(one) for one in ids])
        return transfer_pages.export_chosen(self, request, bulk.chosen_entries(ids))

    def _export_page(self, request: HttpRequest) -> HttpResponse:
        ids = [
            one for text in request.POST.getlist("_selected_action") if (one := history_pages.number(text)) is not None
        ]
        visible = self.get_queryset(request).filter(pk__in=ids).values_list("pk", flat=True)
        return self._export(request, list(visible))

    def _begin(self, request: HttpRequest, queryset: QuerySet, action: str) -> HttpResponse | None:
        ids = list(queryset.values_list("pk", flat=True)[: MAX_OPERATIONS + 1])
        if len(ids) > MAX_OPERATIONS:
            most = f"At most {MAX_OPERATIONS} entries change at once: select fewer."
            self.message_user(request, most, messages.ERROR)
            return None
        return bulk_pages.begin(self, request, bulk.chosen_entries(ids), action)

    # --- pages -----------------------------------------------------------------------------------------------------
    def get_urls(self) -> list[Any]:
        def editing(view: Any, name: str, route: str) -> Any:
            kept = keeps_what_was_typed(self.admin_site.admin_view(view), self._show_again)
            return path(route, kept, name=f"entries_configentry_{name}")

        def of_entry(page: Any, name: str) -> Any:
            def view(request: HttpRequest, namespace: str, key: str) -> HttpResponse:
                return page(self, request, namespace, key)

            return path(
                f"of/<slug:namespace>/<path:key>/{name}/",
                self.admin_site.admin_view(view),
                name=f"entries_configentry_{name}",
            )

        return [
            editing(self.add_view, "add", "add/"),
            editing(self.change_view, "change", "<int:object_id>/change/"),
            path("export/", self.admin_site.admin_view(self._export_page), name="entries_configentry_export"),
            path("bulk/", self.admin_site.admin_view(self._bulk), name="entries_configentry_bulk"),
            path(
                "<int:object_id>/reveal/", self.admin_site.admin_view(self._reveal), name="entries_configentry_reveal"
            ),
            of_entry(history_pages.timeline, "timeline"),
            of_entry(history_pages.revert, "revert"),
            *super().get_urls(),
        ]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        entry = self._visible(request, object_id)
        if object_id is None and not self.has_add_permission(request):
            raise PermissionDenied("this needs the permission entries.add_configentry in some namespace")
        if object_id is not None and entry is None and request.method != "POST":
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(object_id))
        return EntryPages(self, request, entry).respond()

    def _show_again(self, request: HttpRequest, reason: str, object_id: str | None = None) -> HttpResponse:
        return EntryPages(self, request, self._visible(request, object_id)).show_again(reason)

    def _visible(self, request: HttpRequest, object_id: Any) -> EntrySnapshot | None:
        obj = self.get_queryset(request).filter(pk=object_id).first() if object_id is not None else None
        return selectors.find_entry(obj.namespace_id, obj.key) if obj is not None else None

    def _bulk(self, request: HttpRequest) -> HttpResponse:
        return bulk_pages.go_on(self, request)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        entry = self._visible(request, object_id if object_id.isdigit() else None)
        if entry is None:
            raise Http404
        return HttpResponseRedirect(history_pages.timeline_url(entry.namespace, entry.key))

    def _reveal(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """A page of its own: a message would put the secret into the session's cookie."""
        entry = self._visible(request, object_id)
        if entry is None or request.method != "POST":
            raise Http404
        require(request, "reveal", namespace=entry.namespace)
        context = self.admin_site.each_context(request) | {
            "title": f"Secret {entry.namespace}/{entry.key}", "opts": self.opts, "entry": entry, "pk": object_id,
        }  # fmt: skip
        try:
            context["revealed"] = reveal(request.user.get_username(), entry.namespace, entry.key)
        except REFUSALS as error:
            context["refusal"] = explain(error)
        response = TemplateResponse(request, "admin/entries/configentry/revealed.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The same page as for many."""
        entry = self._visible(request, object_id if object_id.isdigit() else None)
        if entry is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        require(request, "delete", namespace=entry.namespace)
        return bulk_pages.begin(self, request, [entry], bulk.DELETE)
