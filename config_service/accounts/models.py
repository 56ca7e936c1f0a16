"""People and applications that may sign in. Replicated: whoever is created on one node can sign in on every other."""

import uuid

from django.contrib.auth import hashers
from django.contrib.auth.models import AbstractUser, Group, UserManager
from django.db import models
from django.db.models.signals import m2m_changed, pre_delete, pre_save
from django.utils import timezone

from config_service.guard import ReplicatedModel, ReplicatedQuerySet, refuse_link_change, refuse_signal


class GuardedUserManager(UserManager.from_queryset(ReplicatedQuerySet)):  # type: ignore[misc]
    use_in_migrations = False


class User(ReplicatedModel, AbstractUser):
    """``id`` is chosen by the proposer. There is no ``last_login``: signing in must not write."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    last_login = None
    revision = models.BigIntegerField(default=0, editable=False)

    objects = GuardedUserManager()

    class Meta:
        ordering = ["username"]
        base_manager_name = "objects"
        verbose_name = "user"
        verbose_name_plural = "users"

    def check_password(self, raw_password: str) -> bool:
        """Without Django's upgrade of old hashes, which saves."""
        return hashers.check_password(raw_password, self.password)

    async def acheck_password(self, raw_password: str) -> bool:
        return await hashers.acheck_password(raw_password, self.password)


class ApiToken(ReplicatedModel):
    """A bearer token of an application. Only its hash is kept; ``prefix`` lets people tell tokens apart.

    ``scopes`` narrow down what its user may do (policy.py). ``last_used_at`` is behind by up to an hour (uses.py).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revision = models.BigIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["name", "id"]
        base_manager_name = "objects"
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def usable(self) -> bool:
        return self.user.is_active and (self.expires_at is None or self.expires_at > timezone.now())

    def allows(self, scope: str, namespace: str = "") -> bool:
        """``scope`` is one such as ``audit``, or the part before the colon where there is a namespace."""
        if not namespace:
            return scope in self.scopes
        return f"{scope}:*" in self.scopes or f"{scope}:{namespace}" in self.scopes


class AccountsState(ReplicatedModel):
    """One row: the revision at which anything about users, groups, permissions or tokens last changed.

    Whoever remembers what a caller may do forgets it when this moves on; a deletion leaves no other trace.
    """

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    revision = models.BigIntegerField(default=0, editable=False)

    class Meta:
        base_manager_name = "objects"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="accounts_accountsstate_one_row")]

    def __str__(self) -> str:
        return f"accounts as of {self.revision}"


class Verb(models.TextChoices):
    """What can be granted on a namespace."""

    VIEW = "view"
    CHANGE = "change"
    PUBLISH = "publish"
    REVEAL = "reveal"
    OPERATE = "operate"


ALL_NAMESPACES = "*"


class Grant(ReplicatedModel):
    """A user, or the members of a group, may do ``verb`` in one namespace, or in all of them (``*``).

    A namespace is known by its name alone, so that access can be granted before it is made. ``id`` is the revision at
    which this was granted.
    """

    id = models.BigIntegerField(primary_key=True, editable=False)
    verb = models.CharField(max_length=16, choices=Verb.choices)
    namespace = models.CharField(max_length=64, help_text="A namespace, or * for every one.")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="grants")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="grants")

    class Meta:
        ordering = ["namespace", "verb", "id"]
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=True) ^ models.Q(group__isnull=True), name="grant_user_or_group"
            ),
            models.UniqueConstraint(fields=["user", "namespace", "verb"], name="grant_user_once"),
            models.UniqueConstraint(fields=["group", "namespace", "verb"], name="grant_group_once"),
        ]
        permissions = [
            ("publish_namespace", "Can publish in every namespace"),
            ("reveal_namespace", "Can reveal secrets of every namespace"),
            ("operate_namespace", "Can operate every namespace"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} on {self.namespace}"


# Replicated too, but Django's: groups, and who belongs to what.
pre_save.connect(refuse_signal, sender=Group)
pre_delete.connect(refuse_signal, sender=Group)
for _links in (User.groups, User.user_permissions, Group.permissions):
    m2m_changed.connect(refuse_link_change, sender=_links.through)
