"""The paths of one node."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config_service.api.documentation import DocsView, SchemaView
from config_service.api.group import UnknownPathView
from config_service.api.health import healthz, readyz
from config_service.api.metrics import metrics

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("config_service.api.urls")),
    path("api/v1", UnknownPathView.as_view()),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", DocsView.as_view(), name="docs"),
]
