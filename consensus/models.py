"""The tables of one node.

`HardState`, `LogEntry`, `LogBase`: what Raft must never forget; written by storage.py alone, fenced by the epoch.
`RegisterState`, `RegisterRecord`: what Paxos must never forget; written by register_storage.py alone, fenced as well.
`AppliedState`, `AppliedRequest`, `Member`: replicated state; written by applier.py alone, in the applying transaction.
`PublishedStatus`: this node's view of the group, for its web processes; nothing rests on it.

Django makes the schema and reads; the two writers speak SQL over connections of their own.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class HardState(models.Model):
    """One row: term and vote (P figure 2); the ``epoch``, which counts this node's lives; and the ``incarnation``,
    a random name of this very database, by which the others notice that it was lost or swapped. ``diverged`` says
    why the replicated tables are not to be trusted, "" while they are. ``group_id`` was decreed when the group was
    founded; "" before, and in a group that was founded before there were decrees."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    group = models.CharField(max_length=64)
    node = models.CharField(max_length=64)
    term = models.BigIntegerField(default=0)
    vote = models.CharField(max_length=64, default="", blank=True)
    epoch = models.BigIntegerField(default=0)
    incarnation = models.CharField(max_length=32, default="")
    diverged = models.TextField(default="", blank=True)
    group_id = models.CharField(max_length=32, default="", blank=True)

    class Meta:
        verbose_name_plural = "hard state"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="consensus_hardstate_one_row")]

    def __str__(self) -> str:
        return f"{self.node}: term {self.term}, vote {self.vote or 'none'}, epoch {self.epoch}"


class LogEntry(models.Model):
    """One entry of the Raft log."""

    index = models.BigIntegerField(primary_key=True)
    term = models.BigIntegerField()
    kind = models.SmallIntegerField()
    data = models.BinaryField()

    class Meta:
        verbose_name_plural = "log entries"

    def __str__(self) -> str:
        return f"{self.index} (term {self.term})"


class LogBase(models.Model):
    """One row: what stands in place of the compacted log (P 7). ``membership`` is an encoded `Membership`."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    index = models.BigIntegerField(default=0)
    term = models.BigIntegerField(default=0)
    membership = models.BinaryField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="consensus_logbase_one_row")]

    def __str__(self) -> str:
        return f"the log begins after {self.index} (term {self.term})"


class RegisterState(models.Model):
    """One row: what the node keeps once for all registers (`paxos.messages.HardState`)."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    reserved = models.BigIntegerField(default=0)
    floor = models.TextField(default="0.0.")
    floor_version = models.BigIntegerField(default=0)
    membership = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="consensus_registerstate_one_row")]

    def __str__(self) -> str:
        return f"registers of membership {self.membership}"


class RegisterRecord(models.Model):
    """What this node has promised and accepted about one register (`paxos.messages.Record`). Ballots are written
    MEMBERSHIP.ROUND.NODE."""

    name = models.TextField(primary_key=True)
    promised = models.TextField()
    accepted = models.TextField()
    value = models.BinaryField()

    class Meta:
        db_table = "consensus_register"

    def __str__(self) -> str:
        return f"{self.name}: promised {self.promised}, accepted {self.accepted}"


class AppliedState(models.Model):
    """One row: the index of the last log entry that the replicated tables contain."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    index = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="consensus_appliedstate_one_row")]

    def __str__(self) -> str:
        return f"applied up to {self.index}"


class AppliedRequest(models.Model):
    """The first answer to a request id, kept for the window stated in applier.py, so that a retry gets it again."""

    request_id = models.CharField(max_length=200, primary_key=True, db_collation="C")
    index = models.BigIntegerField()
    fingerprint = models.BinaryField()
    result = models.BinaryField()

    class Meta:
        indexes = [BrinIndex(fields=["index"], name="answers_by_age", pages_per_range=32, autosummarize=True)]

    def __str__(self) -> str:
        return f"{self.request_id} at {self.index}"


class Member(models.Model):
    """One node of the group, and whether it is to get traffic. ``state_revision`` is when that last changed.

    ``voter``, ``incarnation`` and ``address`` (of its Redis, as the others reach it) are those of the last applied
    membership.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        DRAINING = "draining"
        DRAINED = "drained"

    node = models.CharField(max_length=64, primary_key=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.ACTIVE)
    state_revision = models.BigIntegerField(default=0)
    voter = models.BooleanField(default=True)
    incarnation = models.CharField(max_length=32, default="")
    address = models.CharField(max_length=500, default="")

    class Meta:
        ordering = ["node"]
        verbose_name = "node"
        permissions = [("operate_group", "Can drain nodes and move leadership")]

    def __str__(self) -> str:
        return self.node


class PublishedStatus(models.Model):
    """One row, written about once a second by the runtime: see status.py."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    published_at = models.DateTimeField()
    status = models.BinaryField()

    class Meta:
        verbose_name_plural = "published status"

    def __str__(self) -> str:
        return f"published {self.published_at}"
