"""What the admin's site finds here."""

from config_service.console.editing import entry_admin, namespace_admin

__all__ = ["entry_admin", "namespace_admin"]
