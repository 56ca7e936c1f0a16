from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "config_service.api"
    verbose_name = "REST"
