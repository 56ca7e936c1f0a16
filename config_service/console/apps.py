from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "config_service.console"
    label = "console"
