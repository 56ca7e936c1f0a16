from django.apps import AppConfig


class SwitchesConfig(AppConfig):
    name = "config_service.switches"
    verbose_name = "Switches"
