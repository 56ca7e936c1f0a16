"""Nothing but the state machine writes a replicated table."""

from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.utils import timezone

from config_service.accounts.models import ApiToken, User
from config_service.entries import services
from config_service.entries.models import ConfigEntry, Namespace
from config_service.guard import ReplicatedModel, ReplicatedWriteError, applying
from config_service.replicated import ReplicatedTables


def _namespace(name: str = "x") -> Namespace:
    return Namespace(name=name, revision=1, created_revision=1, updated_at=timezone.now(), updated_by="t")


@pytest.fixture
def rows(root):
    services.put_namespace("t", "shop")
    services.put_entry("t", "shop", "a", 1)


WRITES = {
    "save": lambda: _namespace().save(),
    "save_base": lambda: _namespace().save_base(raw=True),
    "create": lambda: User.objects.create(username="x"),
    "create_user": lambda: User.objects.create_user("x", password="y"),
    "save an instance": lambda: User.objects.get(username="root").save(),
    "delete an instance": lambda: ConfigEntry.objects.get(key="a").delete(),
    "update": lambda: ConfigEntry.objects.update(value="2"),
    "update through the base manager": lambda: ConfigEntry._base_manager.update(value="2"),
    "update through a relation": lambda: Namespace.objects.get(pk="shop").entries.update(value="2"),
    "delete": lambda: ConfigEntry.objects.filter(key="a").delete(),
    "raw delete": lambda: ConfigEntry.objects.filter(key="a")._raw_delete("default"),
    "bulk_create": lambda: Namespace.objects.bulk_create([_namespace()]),
    "bulk_update": lambda: Namespace.objects.bulk_update([Namespace.objects.get(pk="shop")], ["description"]),
    "get_or_create": lambda: ApiToken.objects.get_or_create(pk=uuid4(), defaults={"name": "x"}),
    "update_or_create": lambda: Namespace.objects.update_or_create(name="shop", defaults={"description": "x"}),
    "group save": lambda: Group(name="x").save(),
    "group create": lambda: Group.objects.create(name="x"),
    "user groups": lambda: User.objects.get(username="root").groups.create(name="x"),
    "set permissions": lambda: User.objects.get(username="root").user_permissions.set(Permission.objects.all()[:1]),
    "add permissions": lambda: User.objects.get(username="root").user_permissions.add(Permission.objects.first()),
}


def test_every_replicated_table_is_in_the_images_of_a_node() -> None:
    """Left out, it would differ on a node that was rebuilt from an image."""
    models = {model for model in apps.get_models(include_auto_created=True) if issubclass(model, ReplicatedModel)}
    links = {User.groups.through, User.user_permissions.through, Group.permissions.through}
    expected = {model._meta.db_table for model in models | links | {Group}}
    assert {table.name for table in ReplicatedTables.tables} == expected


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_a_write_outside_the_state_machine_is_an_error(rows, write):
    with pytest.raises(ReplicatedWriteError), transaction.atomic():
        write()
    assert ConfigEntry.objects.get(key="a").value == "1"


def test_every_replicated_model_is_guarded():
    for model in (Namespace, ConfigEntry, User, ApiToken):
        for manager in (model._default_manager, model._base_manager):
            with pytest.raises(ReplicatedWriteError):
                manager.none().update(revision=1)


def test_the_state_machine_may_write(rows):
    with applying():
        _namespace("y").save()
        ConfigEntry.objects.update(comment="c")
    assert Namespace.objects.filter(pk="y").exists()
    with pytest.raises(ReplicatedWriteError):
        _namespace("z").save()


def test_an_old_password_hash_is_not_upgraded_by_a_login(root, client, settings):
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    before = User.objects.get(pk=root.pk).password
    assert client.login(username="root", password="correct horse")
    assert User.objects.get(pk=root.pk).password == before
