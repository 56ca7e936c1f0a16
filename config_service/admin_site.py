"""The admin's site: Django's own, except that nothing in it writes to this node's database by itself."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from config_service.accounts import services
from config_service.banner import group_banner
from config_service.navigation import navigation
from config_service.refusals import REFUSALS, explain


class OwnPasswordForm(AdminPasswordChangeForm):
    """A person's new password, proposed."""

    def save(self, commit: bool = True) -> Any:
        user = super().save(commit=False)
        services.set_password(user.get_username(), user.pk, user.password)
        return user


class OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm

    def form_valid(self, form: OwnPasswordForm) -> HttpResponse:
        try:
            return super().form_valid(form)
        except REFUSALS as error:
            messages.error(self.request, explain(error))
            return self.form_invalid(form)


class ConfigAdminSite(AdminSite):
    site_header = "Configuration service"
    site_title = "Configuration service"
    index_title = "Administration"
    site_url = None  # there is no site beside the admin and the API
    index_template = "admin/config_index.html"
    enable_nav_sidebar = False  # the side is our own: templates/admin/side.html

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        context["navigation"] = navigation(context["available_apps"], request.path)
        return context | {"group_banner": group_banner()}

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        request.current_app = self.name
        view = OwnPasswordView.as_view(
            success_url=reverse("admin:password_change_done", current_app=self.name),
            template_name="registration/password_change_form.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)
