"""Who may do what. The one place that decides it, for REST and the admin alike.

A person may do what Django's permissions say (in every namespace) or a grant says (in one); a superuser may do all. A
token may do what its user may *and* its scopes name.
"""

from dataclasses import dataclass

from config_service.accounts.backends import grants_of, verb_of
from config_service.accounts.models import ALL_NAMESPACES, ApiToken, User


@dataclass(frozen=True, slots=True)
class Action:
    """What it takes: a token's scope (with ``:NAMESPACE`` where the action is about one), and permissions."""

    scope: str
    permissions: tuple[str, ...]


ACTIONS = {
    "read": Action("read", ("entries.view_configentry",)),
    "create": Action("write", ("entries.add_configentry",)),
    "change": Action("write", ("entries.change_configentry",)),
    "put": Action("write", ("entries.add_configentry", "entries.change_configentry")),
    "delete": Action("write", ("entries.delete_configentry",)),
    "put_namespace": Action("write", ("entries.add_namespace", "entries.change_namespace")),
    "delete_namespace": Action("write", ("entries.delete_namespace",)),
    "publish": Action("publish", ("accounts.publish_namespace",)),
    "reveal": Action("reveal", ("accounts.reveal_namespace",)),
    "operate_namespace": Action("operate", ("accounts.operate_namespace",)),
    "operate": Action("operate", ("consensus.operate_group",)),
    "read_switches": Action("switches", ("switches.view_switchchange",)),
    "flip_switch": Action("flip", ("switches.flip_switch",)),
    "audit": Action("audit", ("audit.view_auditrecord",)),
}


def missing(user: User, token: ApiToken | None, action: str, namespace: str = "") -> str:
    """What the caller lacks to do ``action`` in ``namespace``: the name of a scope or of a permission; "" if nothing.
    Without a namespace, the action is about the group as a whole."""
    needed = ACTIONS[action]
    if token is not None and not token.allows(needed.scope, namespace):
        return f"{needed.scope}:{namespace}" if namespace else needed.scope
    for permission in needed.permissions:
        if not user.has_perm(permission, namespace or None):
            return permission
    return ""


def may(user: User, token: ApiToken | None, action: str, namespace: str = "") -> bool:
    return not missing(user, token, action, namespace)


def may_anywhere(user: User, permission: str) -> bool:
    """Whether the user has ``permission`` in some namespace: whether a list is worth showing at all."""
    return user.has_perm(permission) or any(verb == verb_of(permission) for verb, _ in grants_of(user))


def namespaces(user: User, permission: str) -> frozenset[str] | None:
    """The namespaces in which the user has ``permission``; None: in all of them."""
    if user.has_perm(permission, ALL_NAMESPACES):
        return None
    return frozenset(namespace for verb, namespace in grants_of(user) if verb == verb_of(permission))


def may_manage(manager: User, user: User | None, *, makes_superuser: bool = False) -> bool:
    """Whether ``manager``, who may manage accounts, may change this one: only superusers make and change superusers,
    or hand out tokens that act as one."""
    return manager.is_superuser or not (makes_superuser or (user is not None and user.is_superuser))
