"""The only writer of users, groups and tokens. Rare, so it uses the ORM.

Ids that Django would take from a sequence are given here: a sequence skips on rollback, so it differs between nodes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, Permission
from django.db import models

from config_service.accounts.commands import (
    AccountsCommand,
    DeleteGrant,
    DeleteGroup,
    DeleteToken,
    DeleteUser,
    NoteTokenUse,
    PutGrant,
    PutGroup,
    PutToken,
    PutUser,
    SetPassword,
)
from config_service.accounts.models import AccountsState, ApiToken, Grant, User
from config_service.envelope import Done, Refusal

_LAST_SUPERUSER = Refusal("last_superuser", "this is the last superuser: make somebody else one first")


def apply(revision: int, at: str, command: AccountsCommand) -> Done | Refusal:
    result = _HANDLERS[type(command)](revision, at, command)
    if isinstance(result, Done) and not isinstance(command, NoteTokenUse):
        AccountsState.objects.update_or_create(id=1, defaults={"revision": revision})
    return result


def _put_user(revision: int, at: str, command: PutUser) -> Done | Refusal:
    if User.objects.filter(username=command.username).exclude(pk=command.id).exists():
        return Refusal("already_exists", f"there is a user {command.username!r} already")
    groups = dict(Group.objects.filter(name__in=command.groups).values_list("name", "pk"))
    for name in command.groups:
        if name not in groups:
            return Refusal("not_found", f"there is no group {name!r}")
    user = User.objects.filter(pk=command.id).first()
    created = user is None
    if not created and not (command.is_superuser and command.is_active) and _is_last_superuser(user):
        return _LAST_SUPERUSER
    user = user or User(pk=command.id, date_joined=_time(at))
    if command.password:
        user.password = command.password
    for name in ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser"):
        setattr(user, name, getattr(command, name))
    user.revision = revision
    user.save(force_insert=created, force_update=not created)
    _link(User.groups.through, "user_id", command.id, "group_id", sorted(groups.values()))
    _link(User.user_permissions.through, "user_id", command.id, "permission_id", _permissions(command.permissions))
    return Done(revision, created, at=at)


def _is_last_superuser(user: User) -> bool:
    """Without any, nobody could give anybody a right again."""
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    return user.is_superuser and user.is_active and not others.exists()


def _set_password(revision: int, at: str, command: SetPassword) -> Done | Refusal:
    if not User.objects.filter(pk=command.id).update(password=command.password, revision=revision):
        return _no_user(command.id)
    return Done(revision, at=at)


def _delete_user(revision: int, at: str, command: DeleteUser) -> Done | Refusal:
    user = User.objects.filter(pk=command.id).first()
    if user is None:
        return _no_user(command.id)
    if _is_last_superuser(user):
        return _LAST_SUPERUSER
    user.delete()
    return Done(revision, at=at)


def _put_group(revision: int, at: str, command: PutGroup) -> Done | Refusal:
    old_name = command.rename_from or command.name
    group = Group.objects.filter(name=old_name).first()
    if command.rename_from and group is None:
        return Refusal("not_found", f"there is no group {old_name!r}")
    if command.name != old_name and Group.objects.filter(name=command.name).exists():
        return Refusal("already_exists", f"there is a group {command.name!r} already")
    created = group is None
    group = group or Group(pk=_next_id(Group))
    group.name = command.name
    group.save(force_insert=created, force_update=not created)
    _link(Group.permissions.through, "group_id", group.pk, "permission_id", _permissions(command.permissions))
    return Done(revision, created, at=at)


def _delete_group(revision: int, at: str, command: DeleteGroup) -> Done | Refusal:
    group = Group.objects.filter(name=command.name).first()
    if group is None:
        return Refusal("not_found", f"there is no group {command.name!r}")
    group.delete()
    return Done(revision, at=at)


def _put_token(revision: int, at: str, command: PutToken) -> Done | Refusal:
    if not User.objects.filter(pk=command.user).exists():
        return _no_user(command.user)
    token = ApiToken.objects.filter(pk=command.id).first()
    created = token is None
    if created:
        if not command.token_hash:
            return Refusal("not_found", "there is no such token any more")
        if ApiToken.objects.filter(token_hash=command.token_hash).exists():
            return Refusal("already_exists", "there is a token with this secret already")
        token = ApiToken(pk=command.id, token_hash=command.token_hash, prefix=command.prefix, created_at=_time(at))
    token.name = command.name
    token.user_id = command.user
    token.scopes = list(command.scopes)
    token.expires_at = _time(command.expires_at) if command.expires_at else None
    token.revision = revision
    token.save(force_insert=created, force_update=not created)
    return Done(revision, created, at=at)


def _delete_token(revision: int, at: str, command: DeleteToken) -> Done | Refusal:
    if not ApiToken.objects.filter(pk=command.id).delete()[0]:
        return Refusal("not_found", "there is no such token")
    return Done(revision, at=at)


def _put_grant(revision: int, at: str, command: PutGrant) -> Done | Refusal:
    owner: dict[str, Any]
    if command.group:
        group = Group.objects.filter(name=command.group).first()
        if group is None:
            return Refusal("not_found", f"there is no group {command.group!r}")
        owner = {"group_id": group.pk}
    elif command.user is None or not User.objects.filter(pk=command.user).exists():
        return _no_user(command.user)
    else:
        owner = {"user_id": command.user}
    what = {"verb": command.granted, "namespace": command.namespace, **owner}
    there = Grant.objects.filter(**what).first()
    if there is not None:
        return Done(revision, False, there.pk, at=at)
    Grant(pk=revision, **what).save(force_insert=True)
    return Done(revision, True, revision, at=at)


def _delete_grant(revision: int, at: str, command: DeleteGrant) -> Done | Refusal:
    if not Grant.objects.filter(pk=command.id).delete()[0]:
        return Refusal("not_found", f"there is no grant {command.id}")
    return Done(revision, at=at)


def _note_token_use(revision: int, at: str, command: NoteTokenUse) -> Done | Refusal:
    """Nodes report on their own, so a report may be older than what is known. Tokens that are gone are passed over."""
    for token_id, used_at in command.uses:
        unknown_or_older = models.Q(last_used_at__isnull=True) | models.Q(last_used_at__lt=_time(used_at))
        ApiToken.objects.filter(unknown_or_older, pk=token_id).update(last_used_at=_time(used_at))
    return Done(revision, at=at)


_HANDLERS: dict[type, Callable[[int, str, Any], Done | Refusal]] = {
    PutUser: _put_user,
    SetPassword: _set_password,
    DeleteUser: _delete_user,
    PutGroup: _put_group,
    DeleteGroup: _delete_group,
    PutToken: _put_token,
    DeleteToken: _delete_token,
    PutGrant: _put_grant,
    DeleteGrant: _delete_grant,
    NoteTokenUse: _note_token_use,
}


def _no_user(pk: UUID | None) -> Refusal:
    return Refusal("not_found", f"there is no user {pk}")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _next_id(model: type[models.Model]) -> int:
    return (model._base_manager.aggregate(last=models.Max("pk"))["last"] or 0) + 1


def _permissions(names: tuple[str, ...]) -> list[int]:
    """A name that this release does not have is passed over: it grants nothing here, and refusing it would make nodes
    of two releases disagree about the command."""
    found = []
    for name in sorted(set(names)):
        app, _, codename = name.partition(".")
        found += Permission.objects.filter(content_type__app_label=app, codename=codename).values_list("pk", flat=True)
    return found


def _link(through: type[models.Model], owner_field: str, owner: Any, target_field: str, targets: list[int]) -> None:
    """Make ``targets`` the only ones that ``owner`` is linked to."""
    through._base_manager.filter(**{owner_field: owner}).delete()
    first = _next_id(through)
    through._base_manager.bulk_create(
        through(**{"pk": first + place, owner_field: owner, target_field: target})
        for place, target in enumerate(targets)
    )
