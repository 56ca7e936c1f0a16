"""Who asks: an application by its token, or a person by the admin's session."""

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from config_service.accounts import policy
from config_service.accounts.models import ApiToken, User
from config_service.accounts.remembered import remembered_tokens
from config_service.accounts.uses import token_uses
from config_service.api.problems import Forbidden
from consensus.origin import authenticated_by


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer TOKEN``."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, plain = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            token = remembered_tokens.find(plain.strip().decode("ascii"))
        except UnicodeDecodeError:
            token = None
        if token is None or not token.usable:
            raise exceptions.AuthenticationFailed("this token is unknown, expired, or its user may not sign in")
        authenticated_by(token.prefix)
        token_uses.note(token.pk)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="configuration service"'


def require(request: Request, action: str, namespace: str = "") -> None:
    """Raises `Forbidden`, which names what is missing, unless the caller may do ``action`` (see policy.py)."""
    if lacking := policy.missing(request.user, _token(request), action, namespace):
        raise Forbidden(lacking, namespace)


def may_read(request: Request, namespace: str) -> bool:
    return policy.may(request.user, _token(request), "read", namespace)


def _token(request: Request) -> ApiToken | None:
    return request.auth if isinstance(request.auth, ApiToken) else None
