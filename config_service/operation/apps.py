from django.apps import AppConfig


class OperationConfig(AppConfig):
    """The group's nodes in the admin."""

    name = "config_service.operation"
