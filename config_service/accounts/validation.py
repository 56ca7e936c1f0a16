"""What a scope and a grant may be."""

import re
from typing import Any

from config_service.accounts.models import Verb
from config_service.errors import Invalid

_NAMESPACE = r"(?:\*|[A-Za-z0-9][A-Za-z0-9_-]{0,63})"
_SCOPE = re.compile(rf"operate|audit|(?:read|write|publish|reveal|operate):{_NAMESPACE}")
SCOPES = "read:, write:, publish:, reveal:, operate:NAMESPACE (* for every namespace), operate, audit"


def check_scopes(scopes: Any) -> list[str]:
    """Sorted and without doubles. An unknown scope is refused, since it would silently grant nothing."""
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise Invalid.field("scopes", 'a list such as ["read:*", "write:payments", "operate"]')
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            raise Invalid.field("scopes", f"{scope!r} is none of {SCOPES}")
    return sorted(set(scopes))


def check_grant(verb: str, namespace: str) -> None:
    if verb not in Verb.values:
        raise Invalid.field("verb", f"one of {', '.join(Verb.values)}")
    if not re.fullmatch(_NAMESPACE, namespace):
        raise Invalid.field("namespace", "a namespace, or * for every one")
