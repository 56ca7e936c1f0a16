"""What this node's database knows about switches: what was recorded of them."""

from config_service.switches.models import SwitchChange
from config_service.switches.stored import Flip
from consensus.origin import UNKNOWN


def recorded_version(name: str) -> int:
    """Up to this version, the audit trail knows all about the switch (on this node; the group may know more)."""
    rows = SwitchChange.objects.filter(name=name).order_by("-version").values_list("version", flat=True)
    return rows.first() or 0


def recorded_flips(name: str, limit: int) -> list[Flip]:
    """Newest first."""
    rows = SwitchChange.objects.filter(name=name).order_by("-version")[:limit]
    return [Flip(row.version, row.first_version, row.value, row.actor, row.at, row.comment, UNKNOWN) for row in rows]
