from django.apps import AppConfig

from config_service.sealing import checks

__all__ = ["EntriesConfig", "checks"]  # importing the checks registers them


class EntriesConfig(AppConfig):
    name = "config_service.entries"
    verbose_name = "Configuration"
