"""What can be proposed about users, groups and tokens."""

from uuid import UUID

from config_service.envelope import CommandBase


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


class SetPassword(CommandBase, frozen=True, tag="accounts.set_password"):
    """Apart from `PutUser`, so that a new password does not undo a change of the same user made meanwhile."""

    id: UUID
    password: str


class DeleteUser(CommandBase, frozen=True, tag="accounts.delete_user"):
    id: UUID


class PutGroup(CommandBase, frozen=True, tag="accounts.put_group"):
    """Create ``name`` or, where ``rename_from`` is given, change that group."""

    name: str
    permissions: tuple[str, ...] = ()
    rename_from: str = ""


class DeleteGroup(CommandBase, frozen=True, tag="accounts.delete_group"):
    name: str


class PutToken(CommandBase, frozen=True, tag="accounts.put_token"):
    """Create a token or, without ``token_hash``, change one. The plain token never leaves the proposer."""

    id: UUID
    name: str
    user: UUID
    token_hash: str
    prefix: str
    scopes: tuple[str, ...]
    expires_at: str = ""


class DeleteToken(CommandBase, frozen=True, tag="accounts.delete_token"):
    id: UUID


AccountsCommand = PutUser | SetPassword | DeleteUser | PutGroup | DeleteGroup | PutToken | DeleteToken
