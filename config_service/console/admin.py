"""What the admin's site finds here."""

from config_service.console.changing import change_set_admin
from config_service.console.editing import entry_admin, namespace_admin
from config_service.console.operation import admin as operation_admin
from config_service.console.switching import admin as switching_admin

__all__ = ["change_set_admin", "entry_admin", "namespace_admin", "operation_admin", "switching_admin"]
