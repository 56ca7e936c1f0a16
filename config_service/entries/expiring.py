"""Finding what is over, and asking the group to forget it. For the leader's scheduled task."""

from datetime import datetime, timedelta

from config_service.entries.commands import DropImports, ExpireEntries, SeenEntry
from config_service.entries.models import ConfigEntry, ImportPart
from config_service.proposing import propose

AT_ONCE = 500
# An import stages its parts within seconds; who has not finished by then will not.
IMPORT_KEPT = timedelta(minutes=10)


def expire_due(actor: str, now: datetime) -> int:
    """Propose the deletion of what has expired by ``now``, at most `AT_ONCE` entries. Returns how many were deleted."""
    due = ConfigEntry.objects.filter(expires_at__lte=now).order_by("expires_at", "id")
    seen = tuple(SeenEntry(*row) for row in due.values_list("namespace_id", "key", "revision")[:AT_ONCE])
    return propose(ExpireEntries(seen), actor).changed if seen else 0


def drop_imports(actor: str, now: datetime) -> int:
    """Propose to forget the imports that were begun long before ``now``. Returns how many there were."""
    stages = ImportPart.objects.filter(part=0, at__lte=now - IMPORT_KEPT).order_by("id").values_list("stage", flat=True)
    found = tuple(stages[:AT_ONCE])
    if found:
        propose(DropImports(found), actor)
    return len(found)
