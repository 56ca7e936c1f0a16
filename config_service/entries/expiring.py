"""Finding the entries whose time is over, and asking the group to delete them. For the leader's scheduled task."""

from datetime import datetime

from config_service.entries.commands import ExpireEntries, SeenEntry
from config_service.entries.models import ConfigEntry
from config_service.proposing import propose

AT_ONCE = 500


def expire_due(actor: str, now: datetime) -> int:
    """Propose the deletion of what has expired by ``now``, at most `AT_ONCE` entries. Returns how many were deleted."""
    due = ConfigEntry.objects.filter(expires_at__lte=now).order_by("expires_at", "id")
    seen = tuple(SeenEntry(*row) for row in due.values_list("namespace_id", "key", "revision")[:AT_ONCE])
    return propose(ExpireEntries(seen), actor).changed if seen else 0
