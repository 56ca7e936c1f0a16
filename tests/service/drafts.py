"""Edits of a change set, in few words."""

from config_service.changesets.drafting import Wanted
from config_service.entries.models import ConfigEntry


def put(key, value, namespace="shop", **more):
    return Wanted(operation="put", namespace=namespace, key=key, value=value, **more)


def delete(key, namespace="shop", **more):
    return Wanted(operation="delete", namespace=namespace, key=key, **more)


def keep(key, namespace="shop"):
    return Wanted(operation="keep", namespace=namespace, key=key)


def values():
    return {f"{e.namespace_id}/{e.key}": e.value for e in ConfigEntry.objects.all()}
