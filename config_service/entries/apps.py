from django.apps import AppConfig


class EntriesConfig(AppConfig):
    name = "config_service.entries"
    verbose_name = "Configuration"
