"""Who a credential belongs to and what that caller may read: asked outside of any view, by the rules of the views."""

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, parse_cookie
from django.utils import timezone
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.settings import api_settings

from config_service.api.authentication import require
from config_service.api.throttles import caller_of
from config_service.live.authority import SWITCHES, Credential, Decision

_no_response = lambda request: HttpResponse()  # noqa: E731
_sessions, _users = SessionMiddleware(_no_response), AuthenticationMiddleware(_no_response)


def credential_of(request: Request) -> Credential:
    return Credential(request.META.get("HTTP_AUTHORIZATION", ""), request.META.get("HTTP_COOKIE", ""))


def decide(credential: Credential, namespace: str) -> Decision:
    """Whether the caller may read ``namespace``; with "" whether it may ask at all, with `SWITCHES` whether
    it may read switches. See `live.authority`."""
    request = _request(credential)
    try:
        if not request.user.is_authenticated:
            return Decision(False, problem="not signed in any more")
        if namespace == SWITCHES:
            require(request, "read_switches")
        elif namespace:
            require(request, "read", namespace)
    except exceptions.APIException as error:
        return Decision(False, problem=str(error.detail))
    expires_at = getattr(request.auth, "expires_at", None)
    lasts_s = (expires_at - timezone.now()).total_seconds() if expires_at else None
    return Decision(True, caller_of(request), lasts_s)


def _request(credential: Credential) -> Request:
    plain = HttpRequest()
    plain.method = "GET"
    plain.META = {
        "HTTP_AUTHORIZATION": credential.authorization,
        "HTTP_COOKIE": credential.cookie,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        # What this node knows decides, at once: it will be asked again when it knows more.
        "QUERY_STRING": "consistency=stale",
    }
    plain.COOKIES = parse_cookie(credential.cookie)
    _sessions.process_request(plain)
    _users.process_request(plain)
    return Request(plain, authenticators=[kind() for kind in api_settings.DEFAULT_AUTHENTICATION_CLASSES])
