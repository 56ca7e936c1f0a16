"""Who asks: an application by its token, or a person by the admin's session."""

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from config_service.accounts.models import ApiToken, User
from config_service.accounts.selectors import find_token
from config_service.api.problems import Forbidden

_PERMISSIONS = {
    "read": ("entries.view_configentry",),
    "create": ("entries.add_configentry",),
    "change": ("entries.change_configentry",),
    "put": ("entries.add_configentry", "entries.change_configentry"),
    "delete": ("entries.delete_configentry",),
    "put_namespace": ("entries.add_namespace", "entries.change_namespace"),
    "delete_namespace": ("entries.delete_namespace",),
    "operate": ("consensus.operate_group",),
}


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer TOKEN``."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, plain = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            token = find_token(plain.strip().decode("ascii"))
        except UnicodeDecodeError:
            token = None
        if token is None or not token.usable:
            raise exceptions.AuthenticationFailed("this token is unknown, expired, or its user may not sign in")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="configuration service"'


def require(request: Request, action: str, namespace: str = "") -> None:
    """Raises `Forbidden` unless the caller may do ``action``: by scope for a token, by permission for a person."""
    if isinstance(request.auth, ApiToken):
        if action == "operate":
            if "operate" not in request.auth.scopes:
                raise Forbidden("operate")
        elif not request.auth.allows(verb := "read" if action == "read" else "write", namespace):
            raise Forbidden(f"{verb}:{namespace}")
        return
    for permission in _PERMISSIONS[action]:
        if not request.user.has_perm(permission):
            raise Forbidden(permission)


def may_read(request: Request, namespace: str) -> bool:
    if isinstance(request.auth, ApiToken):
        return request.auth.allows("read", namespace)
    return request.user.has_perm("entries.view_configentry")
