from django.apps import AppConfig


class ChangeSetsConfig(AppConfig):
    name = "config_service.changesets"
    verbose_name = "Change sets"
