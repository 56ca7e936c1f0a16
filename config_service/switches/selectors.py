"""What this node's database knows about switches: what was recorded of them."""

from config_service.switches.models import SwitchChange
from config_service.switches.stored import Flip
from consensus.origin import UNKNOWN


def last_recorded(name: str) -> tuple[str, int]:
    """The life of the register that was recorded last, and its last recorded version: up to that, the audit trail knows
    all about it. ("", 0) for none; the group may know more than this node."""
    rows = SwitchChange.objects.filter(name=name).order_by("-revision", "-version")
    return rows.values_list("birth", "version").first() or ("", 0)


def recorded_flips(name: str, limit: int) -> list[tuple[str, Flip]]:
    """Newest first, each with the life that its version counts in."""
    rows = SwitchChange.objects.filter(name=name).order_by("-revision", "-version")[:limit]
    return [
        (row.birth, Flip(row.version, row.first_version, row.value, row.actor, row.at, row.comment, UNKNOWN))
        for row in rows
    ]
