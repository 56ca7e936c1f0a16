"""Django's permissions, per namespace as well: ``user.has_perm("entries.change_configentry", namespace)``."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import Q

from config_service.accounts.models import ALL_NAMESPACES, Grant, User, Verb

# What a grant on a namespace stands for, in the words of Django's permissions.
_VERBS = {
    "entries.view_namespace": Verb.VIEW,
    "entries.view_configentry": Verb.VIEW,
    "entries.add_configentry": Verb.CHANGE,
    "entries.change_configentry": Verb.CHANGE,
    "entries.delete_configentry": Verb.CHANGE,
    "accounts.publish_namespace": Verb.PUBLISH,
    "accounts.reveal_namespace": Verb.REVEAL,
    "accounts.operate_namespace": Verb.OPERATE,
    "entries.add_namespace": Verb.OPERATE,
    "entries.change_namespace": Verb.OPERATE,
    "entries.delete_namespace": Verb.OPERATE,
}


def verb_of(permission: str) -> str | None:
    """The verb whose grant stands for ``permission``; None where there is none."""
    return _VERBS.get(permission)


def grants_of(user: User) -> frozenset[tuple[str, str]]:
    """(verb, namespace) of all that was granted to the user or one of its groups; read once a request."""
    if not user.is_active:
        return frozenset()
    if not hasattr(user, "_grants_read"):
        rows = Grant.objects.filter(Q(user=user) | Q(group__user=user)).order_by()
        user._grants_read = frozenset(rows.values_list("verb", "namespace"))
    return user._grants_read


class NamespaceBackend(ModelBackend):
    """A permission that a user has at all holds in every namespace; a `Grant` gives it in one. ``obj`` is a
    namespace's name, or anything that belongs to a namespace."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if super().has_perm(user_obj, perm):
            return True
        verb, namespace = verb_of(perm), _namespace_of(obj)
        if obj is None or verb is None or user_obj.is_anonymous:
            return False
        granted = grants_of(user_obj)
        return (verb, ALL_NAMESPACES) in granted or (verb, namespace) in granted


def _namespace_of(obj: Any) -> str:
    if isinstance(obj, str):
        return obj
    return getattr(obj, "namespace_id", None) or getattr(obj, "name", "")
