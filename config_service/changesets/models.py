"""Change sets as every node holds them. Read by anyone, written by the state machine alone."""

from django.db import models

from config_service.guard import ReplicatedModel


class State(models.TextChoices):
    DRAFT = "draft"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


OPEN = (State.DRAFT, State.APPROVED, State.SCHEDULED)
CLOSED = (State.PUBLISHED, State.REJECTED, State.WITHDRAWN)


class ChangeSet(ReplicatedModel):
    """Edits that are published together, or not at all.

    ``id`` is the revision that created it, ``revision`` that of its last change. ``edits`` is the JSON text of a list
    of `edits.Edit`; ``digest`` is of them, and ``approved_digest`` of what was approved. ``writers`` are all who ever
    wrote edits of it. Whoever may do what with it follows from ``namespaces``, so there are no permissions of its own.
    """

    id = models.BigIntegerField(primary_key=True, editable=False)
    title = models.CharField(max_length=200)
    comment = models.TextField(blank=True)
    author = models.CharField(max_length=150, editable=False)
    writers = models.JSONField(default=list, editable=False)
    state = models.CharField(max_length=16, choices=State.choices, editable=False)
    namespaces = models.JSONField(default=list, editable=False)
    edits = models.TextField(editable=False)
    edit_count = models.IntegerField(editable=False)
    digest = models.CharField(max_length=32, editable=False)
    revision = models.BigIntegerField(editable=False)
    created_at = models.DateTimeField(editable=False)
    updated_at = models.DateTimeField(editable=False)
    updated_by = models.CharField(max_length=150, editable=False)
    approved_by = models.CharField(max_length=150, blank=True, editable=False)
    approved_at = models.DateTimeField(null=True, editable=False)
    approved_digest = models.CharField(max_length=32, blank=True, editable=False)
    publish_at = models.DateTimeField(null=True, editable=False)
    scheduled_by = models.CharField(max_length=150, blank=True, editable=False)
    reason = models.TextField(blank=True, editable=False)
    published_revision = models.BigIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["-id"]
        base_manager_name = "objects"
        default_permissions = ()
        verbose_name = "change set"
        indexes = [
            models.Index("publish_at", name="change_set_due", condition=models.Q(state=State.SCHEDULED)),
            models.Index("state", "id", name="change_set_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.title}"

    @property
    def approved(self) -> bool:
        """By a second person, and for exactly these edits."""
        return bool(self.approved_digest) and self.approved_digest == self.digest
