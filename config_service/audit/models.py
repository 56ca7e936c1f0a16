"""The audit trail as every node holds it. Written by the state machine alone (trail.py)."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models

from config_service.guard import ReplicatedModel

# The action of `commands.RecordSnapshot`: the newest one is looked for often.
SNAPSHOT = "group.snapshot"


class AuditRecord(ReplicatedModel):
    """One applied command that changed something, or one revealed secret.

    ``position`` counts the records from 1, without gaps. ``digest`` covers all fields and ``previous``, the digest of
    the record before (see digests.py). ``at`` is the proposer's time as it was written, "" where a node did something
    about itself. ``targets`` is a list of `config_service.envelope.Target`. Text has no
    limit here, since a record that does not fit would stop the node.
    """

    revision = models.BigIntegerField(primary_key=True)
    position = models.BigIntegerField()
    at = models.TextField()
    actor = models.TextField()
    channel = models.TextField()
    address = models.TextField()
    token = models.TextField()
    request_id = models.TextField()
    action = models.TextField()
    targets = models.JSONField()
    previous = models.BinaryField()
    digest = models.BinaryField()

    class Meta:
        ordering = ["-revision"]
        base_manager_name = "objects"
        verbose_name = "audit record"
        indexes = [
            models.Index(fields=["actor", "revision"], name="audit_by_actor"),
            models.Index("revision", name="audit_snapshots", condition=models.Q(action=SNAPSHOT)),
            GinIndex(fields=["targets"], opclasses=["jsonb_path_ops"], name="audit_by_target"),
        ]

    def __str__(self) -> str:
        return f"{self.action} at revision {self.revision}"


class AuditAnchor(ReplicatedModel):
    """What stood before the first record that is kept: where the chain goes on from what was archived."""

    id = models.SmallIntegerField(primary_key=True, editable=False)
    revision = models.BigIntegerField()
    position = models.BigIntegerField()
    digest = models.BinaryField()

    class Meta:
        base_manager_name = "objects"
