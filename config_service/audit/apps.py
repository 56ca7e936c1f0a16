from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "config_service.audit"
    verbose_name = "Audit"
