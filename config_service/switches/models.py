"""What the audit trail knows about switches. The switches themselves are registers (`consensus.registers`)."""

from django.db import models

from config_service.guard import ReplicatedModel


class SwitchChange(ReplicatedModel):
    """One change of one switch, brought into the log after it happened. ``id`` is NAME@VERSION@BIRTH, where ``birth``
    names the life of the register that the version counts in (`stored.Switch`).

    ``value`` is JSON, "" for a deletion and NULL where it was too long to keep. Changes that had to be folded into one
    are the versions ``first_version`` to ``version``. ``revision`` is where the log tells of it.
    """

    id = models.TextField(primary_key=True, editable=False)
    name = models.CharField(max_length=100, db_collation="C")
    birth = models.TextField(default="")
    version = models.BigIntegerField()
    first_version = models.BigIntegerField()
    value = models.TextField(null=True)
    actor = models.CharField(max_length=150)
    at = models.TextField()
    comment = models.TextField(blank=True)
    revision = models.BigIntegerField()

    class Meta:
        ordering = ["name", "-revision", "-version"]
        base_manager_name = "objects"
        verbose_name = "switch"
        verbose_name_plural = "switches"
        permissions = [("flip_switch", "Can flip switches")]
        constraints = [models.UniqueConstraint(fields=["name", "version", "birth"], name="switch_version")]

    def __str__(self) -> str:
        return f"{self.name} at version {self.version}"
