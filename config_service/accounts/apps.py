from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "config_service.accounts"
    verbose_name = "Accounts"
