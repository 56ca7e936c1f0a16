"""Writing users, groups and tokens: validate, hash, propose. The plain token leaves this module once, to be shown."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from django.contrib.auth.hashers import make_password

from config_service.accounts.commands import (
    DeleteGrant,
    DeleteGroup,
    DeleteToken,
    DeleteUser,
    PutGrant,
    PutGroup,
    PutToken,
    PutUser,
    SetPassword,
)
from config_service.accounts.validation import check_grant, check_scopes
from config_service.errors import Invalid
from config_service.proposing import propose

TOKEN_MARK = "cfg_"


@dataclass(frozen=True, slots=True)
class NewToken:
    """``plain`` exists nowhere else: show it now or never."""

    id: UUID
    plain: str


def hash_token(plain: str) -> str:
    """Tokens are random and long, so one fast hash is enough, and every request has to compute it."""
    return hashlib.sha256(plain.encode()).hexdigest()


def put_user(actor: str, command: PutUser) -> int:
    """``command.password`` is a hash already, or "" to keep it. Returns the revision."""
    if not 1 <= len(command.username) <= 150:
        raise Invalid.field("username", "1 to 150 characters")
    return propose(command, actor).revision


def set_password(actor: str, user_id: UUID, hashed: str) -> int:
    return propose(SetPassword(user_id, hashed), actor).revision


def create_superuser(actor: str, username: str, password: str) -> UUID:
    user_id = uuid4()
    hashed = make_password(password)
    put_user(actor, PutUser(user_id, username, hashed, is_staff=True, is_superuser=True))
    return user_id


def delete_user(actor: str, user_id: UUID) -> int:
    return propose(DeleteUser(user_id), actor).revision


def put_group(actor: str, name: str, permissions: tuple[str, ...], rename_from: str = "") -> int:
    if not 1 <= len(name) <= 150:
        raise Invalid.field("name", "1 to 150 characters")
    return propose(PutGroup(name, permissions, rename_from), actor).revision


def delete_group(actor: str, name: str) -> int:
    return propose(DeleteGroup(name), actor).revision


def put_grant(actor: str, verb: str, namespace: str, *, user: UUID | None = None, group: str = "") -> int:
    """Grant ``verb`` to the user or else to the group; granted already, it stays. Returns the grant's id."""
    check_grant(verb, namespace)
    if (user is None) == (not group):
        raise Invalid.field("user", "a grant is for a user or for a group")
    return propose(PutGrant(verb, namespace, user, group), actor).created_revision


def delete_grant(actor: str, grant_id: int) -> int:
    return propose(DeleteGrant(grant_id), actor).revision


def create_token(
    actor: str, name: str, user_id: UUID, scopes: list[str], expires_at: datetime | None = None, plain: str = ""
) -> NewToken:
    """``plain`` only where the caller has a secret of its own to install; otherwise a new one is made."""
    plain = plain or TOKEN_MARK + secrets.token_urlsafe(32)
    new = NewToken(uuid4(), plain)
    _put_token(actor, new.id, name, user_id, scopes, expires_at, hash_token(plain), plain[:8])
    return new


def change_token(
    actor: str, token_id: UUID, name: str, user_id: UUID, scopes: list[str], expires_at: datetime | None
) -> int:
    return _put_token(actor, token_id, name, user_id, scopes, expires_at, "", "")


def _put_token(
    actor: str,
    token_id: UUID,
    name: str,
    user_id: UUID,
    scopes: list[str],
    expires_at: datetime | None,
    token_hash: str,
    prefix: str,
) -> int:
    if not 1 <= len(name) <= 100:
        raise Invalid.field("name", "1 to 100 characters")
    until = expires_at.astimezone(UTC).isoformat() if expires_at else ""
    command = PutToken(token_id, name, user_id, token_hash, prefix, tuple(check_scopes(scopes)), until)
    return propose(command, actor).revision


def delete_token(actor: str, token_id: UUID) -> int:
    return propose(DeleteToken(token_id), actor).revision
