"""Namespaces and entries as every node holds them. Read by anyone, written by the state machine alone."""

from django.db import models

from config_service.entries.validation import COLOURS, TYPES
from config_service.guard import ReplicatedModel

# A change's id is its revision times this, plus its place among the changes of that revision.
IDS_PER_REVISION = 16_384


ValueType = models.TextChoices("ValueType", {kind.upper(): kind for kind in TYPES})
# By which people tell namespaces apart at a glance.
Colour = models.TextChoices("Colour", {colour.upper(): colour for colour in COLOURS})


class Namespace(ReplicatedModel):
    """A set of entries that belongs together, such as one application's. Access is granted per namespace.

    ``protected``: people are asked twice. ``requires_approval``: entries change by approved change sets only.
    ``require_if_match``: a write names what it is based on. ``schema`` is the JSON text of its rules, "" for none.
    """

    name = models.CharField(primary_key=True, max_length=64, db_collation="C")
    description = models.TextField(blank=True)
    colour = models.CharField(max_length=16, choices=Colour.choices, blank=True, db_default="")
    protected = models.BooleanField(db_default=False)
    requires_approval = models.BooleanField(db_default=False)
    require_if_match = models.BooleanField(db_default=False)
    schema = models.TextField(blank=True, editable=False, db_default="")
    schema_version = models.BigIntegerField(editable=False, db_default=0)
    revision = models.BigIntegerField(editable=False)
    created_revision = models.BigIntegerField(editable=False)
    updated_at = models.DateTimeField(editable=False)
    updated_by = models.CharField(max_length=150, editable=False)

    class Meta:
        ordering = ["name"]
        base_manager_name = "objects"

    def __str__(self) -> str:
        return self.name


class ConfigEntry(ReplicatedModel):
    """One typed value.

    ``id`` is made of the revision that created the entry, so it is equal on every node (a sequence is not: it skips on
    rollback). ``value`` is the JSON text itself: Postgres' own JSON types refuse NUL escapes and rewrite numbers. Text
    is collated by bytes, so that keys have one order everywhere and a prefix is an index range.
    """

    id = models.BigIntegerField(primary_key=True, editable=False)
    namespace = models.ForeignKey(
        Namespace, on_delete=models.PROTECT, related_name="entries", db_constraint=False, db_index=False
    )
    key = models.CharField(max_length=512, db_collation="C")
    value = models.TextField()
    type = models.CharField(max_length=16, choices=ValueType.choices)
    revision = models.BigIntegerField(editable=False)
    created_revision = models.BigIntegerField(editable=False)
    version = models.BigIntegerField(editable=False)
    updated_at = models.DateTimeField(editable=False)
    updated_by = models.CharField(max_length=150, editable=False)
    comment = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["namespace_id", "key"]
        base_manager_name = "objects"
        verbose_name = "entry"
        verbose_name_plural = "entries"
        constraints = [models.UniqueConstraint(fields=["namespace", "key"], name="entry_namespace_key")]
        indexes = [
            models.Index("expires_at", name="entry_expiry", condition=models.Q(expires_at__isnull=False)),
            models.Index("namespace", name="entry_secrets", condition=models.Q(type="secret")),
        ]

    def __str__(self) -> str:
        return f"{self.namespace_id}/{self.key}"


class Operation(models.TextChoices):
    PUT = "put"
    DELETE = "delete"


class EntryRevision(ReplicatedModel):
    """One change of one entry, kept until history is compacted. In the order of ``id`` this is every change there was.

    ``id`` is the revision times `IDS_PER_REVISION` plus the place within the revision. A namespace is named, not
    referred to: it may be gone. A delete has the value ``null`` and tells the type and the version of what it deleted.
    """

    id = models.BigIntegerField(primary_key=True, editable=False)
    namespace = models.CharField(max_length=64, db_collation="C")
    key = models.CharField(max_length=512, db_collation="C")
    revision = models.BigIntegerField()
    operation = models.CharField(max_length=6, choices=Operation.choices)
    value = models.TextField()
    type = models.CharField(max_length=16)
    created_revision = models.BigIntegerField()
    version = models.BigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    comment = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        base_manager_name = "objects"
        verbose_name = "change"
        verbose_name_plural = "history"
        indexes = [
            models.Index("namespace", "key", "id", name="revision_of_entry"),
            models.Index("at", "id", name="revision_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.namespace}/{self.key} at {self.revision}"


class ImportPart(ReplicatedModel):
    """A piece of an import on its way: it came in one command, and waits for the one that does the import.

    ``id`` is its revision. The parts of one import share a ``stage``; ``data`` is described in imports.py.
    """

    id = models.BigIntegerField(primary_key=True, editable=False)
    stage = models.CharField(max_length=64, db_collation="C")
    part = models.IntegerField()
    at = models.DateTimeField()
    data = models.BinaryField()

    class Meta:
        base_manager_name = "objects"
        indexes = [models.Index("stage", "part", name="part_of_stage")]


class SchemaVersion(ReplicatedModel):
    """One version of a namespace's rules. ``rules`` is "" where they were taken away. ``forced``: although existing
    values broke them."""

    id = models.BigIntegerField(primary_key=True, editable=False)  # the revision
    namespace = models.CharField(max_length=64, db_collation="C")
    version = models.BigIntegerField()
    rules = models.TextField(blank=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    comment = models.TextField(blank=True)
    forced = models.BooleanField()

    class Meta:
        ordering = ["-id"]
        base_manager_name = "objects"
        indexes = [models.Index("namespace", "version", name="schema_version")]

    def __str__(self) -> str:
        return f"{self.namespace} version {self.version}"


class HistoryReach(ReplicatedModel):
    """How far back history reaches: every state from ``oldest_revision`` on can be read. No row: from the beginning."""

    id = models.SmallIntegerField(primary_key=True, editable=False)
    oldest_revision = models.BigIntegerField()
    oldest_at = models.DateTimeField()
    revision = models.BigIntegerField()

    class Meta:
        base_manager_name = "objects"
