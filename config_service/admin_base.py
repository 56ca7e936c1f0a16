"""A `ModelAdmin` whose every write is a proposal. Subclasses say which: `propose_save`, `propose_delete`.

Where the group refuses or cannot be reached, the same form comes back with what was typed and the reason at its top:
`changeform_view` runs a second time, and the form then fails its validation with that reason.
"""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as ask_delete_selected
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect

from config_service.admin_access import NamingAdmin
from config_service.errors import ProductError
from config_service.refusals import REFUSALS, explain


class RefusedFormMixin:
    """A form that fails with the reason why its last submission was refused, if it was."""

    refusal: Exception | None = None
    refusal_text = ""

    def clean(self) -> Any:
        cleaned = super().clean()
        if self.refusal is not None:
            fields = self.refusal.errors if isinstance(self.refusal, ProductError) else {}
            for name, texts in fields.items():
                if name in self.fields:
                    self.add_error(name, texts)
            self.add_error(None, self.refusal_text)
        return cleaned


@admin.action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
def delete_selected(modeladmin: "ProposingAdmin", request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    """Django's confirmation page, but each object is proposed on its own and reported."""
    if not request.POST.get("post"):
        return ask_delete_selected(modeladmin, request, queryset)
    modeladmin.delete_queryset(request, queryset)
    return None


class ProposingAdmin(NamingAdmin):
    actions = [delete_selected]

    # --- for subclasses --------------------------------------------------------------------------------------------
    def propose_save(self, request: HttpRequest, obj: Model, form: forms.ModelForm, change: bool) -> None:
        raise NotImplementedError

    def propose_delete(self, request: HttpRequest, obj: Model) -> None:
        raise NotImplementedError

    def explain_refusal(self, request: HttpRequest, error: Exception, object_id: str | None) -> str:
        """What the form says about ``error``. May prepare ``request.POST`` for the next try."""
        return explain(error)

    # --- writing ---------------------------------------------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Model, form: forms.ModelForm, change: bool) -> None:
        self.propose_save(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        """The proposal held everything."""

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        self.propose_delete(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        deleted = 0
        for obj in queryset:
            try:
                self.propose_delete(request, obj)
            except REFUSALS as error:
                self.message_user(request, f"{obj}: {explain(error)}", messages.ERROR)
            else:
                deleted += 1
        if deleted:
            self.message_user(request, f"Deleted: {deleted}", messages.SUCCESS)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except REFUSALS as error:
            request.refusal = error
            request.refusal_text = self.explain_refusal(request, error, object_id)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> type:
        form = super().get_form(request, obj, change=change, **kwargs)
        refusal = {
            "refusal": getattr(request, "refusal", None),
            "refusal_text": getattr(request, "refusal_text", ""),
        }
        return type(form.__name__, (RefusedFormMixin, form), refusal)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except REFUSALS as error:
            self.message_user(request, self.explain_refusal(request, error, object_id), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    # --- Django's own log of actions would be a write of this node alone ---------------------------------------------
    def log_addition(self, *args: Any, **kwargs: Any) -> None: ...

    def log_change(self, *args: Any, **kwargs: Any) -> None: ...

    def log_deletions(self, *args: Any, **kwargs: Any) -> None: ...

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        raise Http404
