"""Who asks: an application by its token, or a person by the admin's session."""

from typing import TypeGuard

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from config_service.accounts import policy
from config_service.accounts.models import ApiToken, User
from config_service.accounts.remembered import remembered_tokens
from config_service.accounts.uses import token_uses
from config_service.api import second_look
from config_service.api.problems import Forbidden
from consensus.origin import authenticated_by

# In ``META``: what the caller has been asked to be allowed so far.
_REQUIRED = "config_service.required"


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer TOKEN``."""

    def authenticate(self, request: Request, patient: bool = True) -> tuple[User, ApiToken] | None:
        """``patient``: a token that this node does not know is refused only once it has caught up with the group."""
        scheme, _, plain = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        token = _find(plain)
        if patient and not _usable(token) and second_look.worthwhile(request):
            token = _find(plain)
        if not _usable(token):
            raise _unusable()
        authenticated_by(token.prefix)
        token_uses.note(token.pk)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="configuration service"'


def require(request: Request, action: str, namespace: str = "") -> None:
    """Raises `Forbidden`, which names what is missing, unless the caller may do ``action`` (see policy.py)."""
    request.META.setdefault(_REQUIRED, []).append((action, namespace))
    lacking = policy.missing(request.user, _token(request), action, namespace)
    if lacking and second_look.worthwhile(request):
        user, token = _again(request)
        lacking = policy.missing(user, token, action, namespace)
    if lacking:
        raise Forbidden(lacking, namespace)


def confirm(request: Request) -> None:
    """After waiting for the group: a linearizable request sees what was revoked before it began, on whatever node.

    Raises as authenticating and `require` have, before.
    """
    token = _token(request)
    if token is None:
        return
    newest = _newest(request)
    if newest is token:
        return
    request.user, request.auth = newest.user, newest
    for action, namespace in request.META.get(_REQUIRED, ()):
        if lacking := policy.missing(newest.user, newest, action, namespace):
            raise Forbidden(lacking, namespace)


def _unusable() -> exceptions.AuthenticationFailed:
    return exceptions.AuthenticationFailed("this token is unknown, expired, or its user may not sign in")


def may_read(request: Request, namespace: str) -> bool:
    return policy.may(request.user, _token(request), "read", namespace)


def _find(plain: bytes) -> ApiToken | None:
    try:
        return remembered_tokens.find(plain.strip().decode("ascii"))
    except UnicodeDecodeError:
        return None


def _usable(token: ApiToken | None) -> TypeGuard[ApiToken]:
    return token is not None and token.usable


def _again(request: Request) -> tuple[User, ApiToken | None]:
    """The caller, as this node knows it by now. Raises as authenticating does."""
    if _token(request) is None:
        return User.objects.filter(pk=request.user.pk).first() or request.user, None
    token = _newest(request)
    return token.user, token


def _newest(request: Request) -> ApiToken:
    token = _find(get_authorization_header(request).partition(b" ")[2])
    if not _usable(token):
        raise _unusable()
    return token


def _token(request: Request) -> ApiToken | None:
    return request.auth if isinstance(request.auth, ApiToken) else None
