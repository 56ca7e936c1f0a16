"""The paths of one node."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config_service.api.health import healthz, readyz

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config_service.api.urls")),
    path("healthz", healthz),
    path("readyz", readyz),
]
