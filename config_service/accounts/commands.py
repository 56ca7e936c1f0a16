"""What can be proposed about users, groups and tokens."""

from collections.abc import Iterable
from uuid import UUID

from config_service.envelope import CommandBase, Done, Target


def listed(**groups: Iterable[str]) -> str:
    """``a: x, y; b: z``, without what is empty: for the audit trail."""
    return "; ".join(f"{name}: {', '.join(items)}" for name, items in groups.items() if items)


class PutUser(CommandBase, frozen=True, tag="accounts.put_user"):
    """Create or replace the user ``id``. ``password`` is a hash, or "" to keep the one there is. Permissions are named
    ``app.codename``, since their ids differ from node to node."""

    id: UUID
    username: str
    password: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False
    groups: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()

    def touches(self, done: Done) -> tuple[Target, ...]:
        roles = [name for name in ("is_superuser", "is_staff") if getattr(self, name)]
        roles += [] if self.is_active else ["not active"]
        detail = listed(roles=roles, groups=self.groups, permissions=self.permissions)
        return (Target("user", name=self.username, id=str(self.id), detail=detail),)


class SetPassword(CommandBase, frozen=True, tag="accounts.set_password"):
    """Apart from `PutUser`, so that a new password does not undo a change of the same user made meanwhile."""

    id: UUID
    password: str

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("user", id=str(self.id), detail="password"),)


class DeleteUser(CommandBase, frozen=True, tag="accounts.delete_user"):
    id: UUID

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("user", id=str(self.id)),)


class PutGroup(CommandBase, frozen=True, tag="accounts.put_group"):
    """Create ``name`` or, where ``rename_from`` is given, change that group."""

    name: str
    permissions: tuple[str, ...] = ()
    rename_from: str = ""

    def touches(self, done: Done) -> tuple[Target, ...]:
        before = (self.rename_from,) if self.rename_from not in ("", self.name) else ()
        detail = listed(before=before, permissions=self.permissions)
        return (Target("group", name=self.name, detail=detail),)


class DeleteGroup(CommandBase, frozen=True, tag="accounts.delete_group"):
    name: str

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("group", name=self.name),)


class PutToken(CommandBase, frozen=True, tag="accounts.put_token"):
    """Create a token or, without ``token_hash``, change one. The plain token never leaves the proposer."""

    id: UUID
    name: str
    user: UUID
    token_hash: str
    prefix: str
    scopes: tuple[str, ...]
    expires_at: str = ""

    def touches(self, done: Done) -> tuple[Target, ...]:
        until = (self.expires_at,) if self.expires_at else ()
        detail = listed(user=(str(self.user),), scopes=self.scopes, expires_at=until)
        return (Target("token", name=self.name, id=str(self.id), detail=detail),)


class DeleteToken(CommandBase, frozen=True, tag="accounts.delete_token"):
    id: UUID

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("token", id=str(self.id)),)


class PutGrant(CommandBase, frozen=True, tag="accounts.put_grant"):
    """Let ``user``, or else the members of ``group``, do ``granted`` in ``namespace``, or in all with ``*``. Granted
    already: nothing to do."""

    granted: str
    namespace: str
    user: UUID | None = None
    group: str = ""

    def touches(self, done: Done) -> tuple[Target, ...]:
        if not done.created:
            return ()
        who = f"group {self.group}" if self.group else f"user {self.user}"
        return (Target("grant", self.namespace, id=str(done.created_revision), detail=f"{self.granted}: {who}"),)


class DeleteGrant(CommandBase, frozen=True, tag="accounts.delete_grant"):
    id: int

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (Target("grant", id=str(self.id)),)


class NoteTokenUse(CommandBase, frozen=True, tag="accounts.note_token_use"):
    """(token, when it was used). Bookkeeping: it leaves no audit record."""

    uses: tuple[tuple[UUID, str], ...]

    def touches(self, done: Done) -> tuple[Target, ...]:
        return ()


AccountsCommand = (
    PutUser
    | SetPassword
    | DeleteUser
    | PutGroup
    | DeleteGroup
    | PutToken
    | DeleteToken
    | PutGrant
    | DeleteGrant
    | NoteTokenUse
)
