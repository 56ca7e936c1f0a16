"""Reads of this node's accounts."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet

from config_service.accounts.models import ApiToken, Grant, User
from config_service.accounts.services import hash_token
from config_service.errors import NotFound
from consensus.sql import execute_first


def find_token(plain: str) -> ApiToken | None:
    """The token with its user, whether it may still be used or not."""
    return ApiToken.objects.select_related("user").filter(token_hash=hash_token(plain)).first()


def find_user(username: str) -> User | None:
    """None also for a name that nobody can have: Postgres takes no NUL."""
    return None if "\0" in username else User.objects.filter(username=username).first()


def list_users() -> QuerySet[User]:
    return User.objects.prefetch_related("groups", "user_permissions__content_type").order_by("username")


def list_groups() -> QuerySet[Group]:
    return Group.objects.prefetch_related("permissions__content_type").order_by("name")


def get_group(name: str) -> Group:
    """Raises `NotFound`."""
    found = list_groups().filter(name=name).first()
    if found is None:
        raise NotFound(f"there is no group {name!r}")
    return found


def list_grants() -> QuerySet[Grant]:
    return Grant.objects.select_related("user", "group").order_by("pk")


def list_tokens() -> QuerySet[ApiToken]:
    return ApiToken.objects.select_related("user").order_by("name", "pk")


def tokens_expiring(after: datetime, before: datetime) -> QuerySet[ApiToken]:
    """Those that expire soonest first."""
    return list_tokens().filter(expires_at__gt=after, expires_at__lte=before).order_by("expires_at", "pk")


def get_token(token_id: UUID) -> ApiToken:
    token = list_tokens().filter(pk=token_id).first()
    if token is None:
        raise NotFound("there is no such token")
    return token


def permission_names(permissions: Iterable[Permission]) -> list[str]:
    return sorted(f"{one.content_type.app_label}.{one.codename}" for one in permissions)


def accounts_revision() -> int:
    """When anything about who may do what last changed."""
    row = execute_first("SELECT revision FROM accounts_accountsstate WHERE id = 1").fetchone()
    return row[0] if row else 0
