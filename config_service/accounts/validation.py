"""What a scope may be."""

import re
from typing import Any

from config_service.errors import Invalid

_SCOPE = re.compile(r"operate|(?:read|write):(?:\*|[A-Za-z0-9][A-Za-z0-9_-]{0,63})")


def check_scopes(scopes: Any) -> list[str]:
    """Sorted and without doubles. An unknown scope is refused, since it would silently grant nothing."""
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise Invalid.field("scopes", 'a list such as ["read:*", "write:payments", "operate"]')
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            raise Invalid.field("scopes", f"{scope!r} is not read:NAMESPACE, write:NAMESPACE or operate")
    return sorted(set(scopes))
