"""The limit on requests, as DRF asks for it."""

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config_service.accounts.models import ApiToken
from config_service.throttling import throttle


def caller_of(request: Request) -> str:
    """By what a caller is counted: the token, or the person."""
    return f"token:{request.auth.pk}" if isinstance(request.auth, ApiToken) else f"user:{request.user.pk}"


class CallerThrottle(BaseThrottle):
    def allow_request(self, request: Request, view: object) -> bool:
        self._wait_s = throttle.take(caller_of(request))
        return not self._wait_s

    def wait(self) -> float:
        return self._wait_s
