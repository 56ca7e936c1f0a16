"""Reads of this node's accounts."""

from config_service.accounts.models import ApiToken, User
from config_service.accounts.services import hash_token


def find_token(plain: str) -> ApiToken | None:
    """The token with its user, whether it may still be used or not."""
    return ApiToken.objects.select_related("user").filter(token_hash=hash_token(plain)).first()


def find_user(username: str) -> User | None:
    return User.objects.filter(username=username).first()
