from django.apps import AppConfig

from consensus import checks

__all__ = ["ConsensusConfig", "checks"]  # importing the checks registers them


class ConsensusConfig(AppConfig):
    name = "consensus"
    verbose_name = "Group"
    default_auto_field = "django.db.models.BigAutoField"
