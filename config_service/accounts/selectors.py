"""Reads of this node's accounts."""

from config_service.accounts.models import AccountsState, ApiToken, User
from config_service.accounts.services import hash_token


def find_token(plain: str) -> ApiToken | None:
    """The token with its user, whether it may still be used or not."""
    return ApiToken.objects.select_related("user").filter(token_hash=hash_token(plain)).first()


def find_user(username: str) -> User | None:
    return User.objects.filter(username=username).first()


def accounts_revision() -> int:
    """When anything about who may do what last changed."""
    return AccountsState.objects.filter(id=1).values_list("revision", flat=True).first() or 0
