"""Writing users, groups, grants and tokens: validate, hash, propose. For admin, REST and commands alike.

A plain token leaves this module once, to be shown; a plain password never. ``request_id`` makes a retry harmless: what
is random for a new request is derived from its id for one that may be asked again, so that a retry is the same request.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import msgspec
from django.contrib.auth.hashers import make_password
from django.utils.crypto import salted_hmac

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
from config_service.accounts.models import User
from config_service.accounts.validation import check_grant, check_name, check_permissions, check_scopes, check_user
from config_service.envelope import fingerprint
from config_service.errors import Invalid, NotFound
from config_service.proposing import first_answer, propose
from config_service.texts import check_text

TOKEN_MARK = "cfg_"
MAX_PASSWORD_LENGTH = 1024
LAST_REVISION = 2**62


@dataclass(frozen=True, slots=True)
class NewToken:
    """``plain`` exists nowhere else: show it now or never."""

    id: UUID
    plain: str


def hash_token(plain: str) -> str:
    """Tokens are random and long, so one fast hash is enough, and every request has to compute it."""
    return hashlib.sha256(plain.encode()).hexdigest()


# --- users ----------------------------------------------------------------------------------------------------------
def put_user(actor: str, command: PutUser, request_id: str = "", asked: bytes = b"") -> bool:
    """``command.password`` is a hash already, or "" to keep it. Returns whether the user is new. ``asked`` as for
    `proposing.propose`."""
    return propose(check_user(command), actor, request_id, asked=asked).created


def change_user(
    actor: str, user: User | None, username: str, changes: dict[str, Any], password: str | None, request_id: str
) -> bool:
    """Create ``username``, or change ``user``: what ``changes`` leaves out stays. ``password`` is the plain one."""
    if password is not None:
        changes = changes | {"password": _hash_password(password, request_id)}
    # A retry finds another state, and asks for the same.
    new = PutUser(uuid5(NAMESPACE_OID, request_id), username, "")
    asked = fingerprint(msgspec.structs.replace(new, **changes), actor)
    found = _as_command(user) if user else msgspec.structs.replace(new, password=make_password(None))
    command = msgspec.structs.replace(found, **changes)
    check_permissions(command.permissions)
    return put_user(actor, command, request_id, asked)


def _as_command(user: User) -> PutUser:
    permissions = user.user_permissions.values_list("content_type__app_label", "codename")
    return PutUser(
        user.pk,
        user.username,
        "",
        user.first_name,
        user.last_name,
        user.email,
        user.is_active,
        user.is_staff,
        user.is_superuser,
        tuple(user.groups.order_by("name").values_list("name", flat=True)),
        tuple(sorted(f"{app}.{code}" for app, code in permissions)),
    )


def _hash_password(password: str, request_id: str) -> str:
    if not 1 <= len(password) <= MAX_PASSWORD_LENGTH:
        raise Invalid.field("password", f"1 to {MAX_PASSWORD_LENGTH} characters")
    return make_password(password, salt=hashlib.sha256(request_id.encode()).hexdigest()[:22])


def set_password(actor: str, user_id: UUID, hashed: str) -> int:
    return propose(SetPassword(user_id, hashed), actor).revision


def create_superuser(actor: str, username: str, password: str) -> UUID:
    user_id = uuid4()
    hashed = make_password(password)
    put_user(actor, PutUser(user_id, username, hashed, is_staff=True, is_superuser=True))
    return user_id


def delete_user(actor: str, user_id: UUID, request_id: str = "") -> int:
    return propose(DeleteUser(user_id), actor, request_id).revision


# --- groups and grants ----------------------------------------------------------------------------------------------
def put_group(actor: str, name: str, permissions: tuple[str, ...], rename_from: str = "", request_id: str = "") -> bool:
    """Returns whether the group is new."""
    check_name("name", name)
    check_text("rename_from", rename_from, 150)
    return propose(PutGroup(name, check_permissions(permissions), rename_from), actor, request_id).created


def delete_group(actor: str, name: str, request_id: str = "") -> int:
    return propose(DeleteGroup(check_name("name", name)), actor, request_id).revision


def put_grant(
    actor: str, verb: str, namespace: str, *, user: UUID | None = None, group: str = "", request_id: str = ""
) -> int:
    """Grant ``verb`` to the user or else to the group; granted already, it stays. Returns the grant's id."""
    check_grant(verb, namespace, group)
    if (user is None) == (not group):
        raise Invalid.field("user", "a grant is for a user or for a group")
    return propose(PutGrant(verb, namespace, user, group), actor, request_id).created_revision


def delete_grant(actor: str, grant_id: int, request_id: str = "") -> int:
    if grant_id > LAST_REVISION:
        raise NotFound(f"there is no grant {grant_id}")
    return propose(DeleteGrant(grant_id), actor, request_id).revision


# --- tokens ---------------------------------------------------------------------------------------------------------
def create_token(
    actor: str,
    name: str,
    user_id: UUID,
    scopes: list[str],
    expires_at: datetime | None = None,
    plain: str = "",
    request_id: str = "",
) -> NewToken:
    """``plain`` only where the caller has a secret of its own to install; otherwise a new one is made. With a
    ``request_id`` it is derived from that and the group's secret key, so that a retry gets the same token again."""
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise Invalid.field("expires_at", "this time has passed: such a token would never be valid")
    if request_id:
        token_id = uuid5(NAMESPACE_OID, request_id)
        plain = plain or TOKEN_MARK + salted_hmac("api token", request_id, algorithm="sha256").hexdigest()
    else:
        token_id = uuid4()
        plain = plain or TOKEN_MARK + secrets.token_urlsafe(32)
    new = NewToken(token_id, plain)
    _put_token(actor, new.id, name, user_id, scopes, expires_at, hash_token(plain), plain[:8], request_id)
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
    request_id: str = "",
) -> int:
    check_name("name", name, 100)
    until = expires_at.astimezone(UTC).isoformat() if expires_at else ""
    command = PutToken(token_id, name, user_id, token_hash, prefix, tuple(check_scopes(scopes)), until)
    return propose(command, actor, request_id).revision


def was_deleted(actor: str, token_id: UUID, request_id: str) -> bool:
    """Whether this very request has deleted the token before."""
    return first_answer(request_id, fingerprint(DeleteToken(token_id), actor)) is not None


def delete_token(actor: str, token_id: UUID, request_id: str = "") -> int:
    return propose(DeleteToken(token_id), actor, request_id).revision
