"""The admin's site: Django's own, except that nothing in it writes to this node's database by itself."""

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, reverse

from config_service.accounts import services
from config_service.banner import group_banner
from config_service.home import home
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
    index_template = "admin/home.html"
    enable_nav_sidebar = False  # the side is our own: templates/admin/side.html

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        context["navigation"] = navigation(context["available_apps"], request.path)
        return context | {"group_banner": group_banner()}

    def get_urls(self) -> list[Any]:
        own = [
            path("home.json", self.admin_view(self.home_data), name="home_data"),
            path("banner.json", self.admin_view(self.banner_data), name="banner_data"),
        ]
        return own + super().get_urls()

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().index(request, {"title": "Home", "home": home(request.user), **(extra_context or {})})

    def home_data(self, request: HttpRequest) -> HttpResponse:
        """``after`` is the time of the last point that the page has."""
        try:
            after = float(request.GET.get("after", "0"))
        except ValueError:
            return JsonResponse({"detail": "after is not a number"}, status=400)
        return JsonResponse(home(request.user, after))

    def banner_data(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse(asdict(group_banner()))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        request.current_app = self.name
        view = OwnPasswordView.as_view(
            success_url=reverse("admin:password_change_done", current_app=self.name),
            template_name="registration/password_change_form.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)
