from django.contrib.admin.apps import AdminConfig


class ConfigAdminConfig(AdminConfig):
    """Stock admin with our site: in place of ``django.contrib.admin`` in ``INSTALLED_APPS``."""

    default_site = "config_service.admin_site.ConfigAdminSite"
