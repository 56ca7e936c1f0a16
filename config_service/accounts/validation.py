"""What users, groups, tokens and grants may be."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from config_service.accounts.commands import PutUser
from config_service.accounts.models import User, Verb
from config_service.errors import Invalid
from config_service.texts import check_text

_NAMESPACE = r"(?:\*|[A-Za-z0-9][A-Za-z0-9_-]{0,63})"
_SCOPE = re.compile(rf"operate|audit|switches|flip|(?:read|write|publish|reveal|operate):{_NAMESPACE}")
SCOPES = "read:, write:, publish:, reveal:, operate:NAMESPACE (* for every namespace), operate, audit, switches, flip"


def check_name(field: str, name: str, longest: int = 150) -> str:
    if not name:
        raise Invalid.field(field, f"1 to {longest} characters")
    return check_text(field, name, longest)


def check_user(command: PutUser) -> PutUser:
    check_name("username", command.username)
    _check_by("username", User.username_validator, command.username)
    if command.email:
        _check_by("email", validate_email, check_text("email", command.email, 254))
    for name in command.groups:
        check_name("groups", name)
    check_text("first_name", command.first_name, 150)
    check_text("last_name", command.last_name, 150)
    return command


def _check_by(field: str, validator: Callable[[str], None], text: str) -> None:
    try:
        validator(text)
    except ValidationError as error:
        raise Invalid.field(field, str(error.message)) from None


def check_permissions(names: Iterable[str]) -> tuple[str, ...]:
    """Sorted and without doubles; an unknown one would silently grant nothing."""
    wanted = sorted(set(names))
    for name in wanted:
        app, _, codename = check_text("permissions", name, 255).partition(".")
        if not Permission.objects.filter(content_type__app_label=app, codename=codename).exists():
            raise Invalid.field("permissions", f"there is no permission {name!r}")
    return tuple(wanted)


def check_scopes(scopes: Any) -> list[str]:
    """Sorted and without doubles. An unknown scope is refused, since it would silently grant nothing."""
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise Invalid.field("scopes", 'a list such as ["read:*", "write:payments", "operate"]')
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            raise Invalid.field("scopes", f"{scope!r} is none of {SCOPES}")
    return sorted(set(scopes))


def check_grant(verb: str, namespace: str, group: str) -> None:
    check_text("group", group, 150)
    if verb not in Verb.values:
        raise Invalid.field("verb", f"one of {', '.join(Verb.values)}")
    if not re.fullmatch(_NAMESPACE, namespace):
        raise Invalid.field("namespace", "a namespace, or * for every one")
