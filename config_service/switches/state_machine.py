"""Recording what was done to switches: exactly once, whoever proposes it how often."""

from config_service.envelope import Done
from config_service.switches.commands import RecordFlips
from config_service.switches.models import SwitchChange

# So many changes of a switch are kept; the audit trail tells of all.
KEPT = 100


def apply(revision: int, at: str, command: RecordFlips) -> Done:
    """Within a life of a register versions only grow, so what is up to the last known one is known already."""
    rows = SwitchChange.objects.filter(name=command.name)
    known = rows.filter(birth=command.birth).order_by("-version").values_list("version", flat=True)
    last = known.first() or 0
    new = [flip for flip in command.flips if flip.version > last]
    SwitchChange.objects.bulk_create(
        SwitchChange(
            id=f"{command.name}@{flip.version}@{command.birth}",
            name=command.name,
            birth=command.birth,
            version=flip.version,
            first_version=max(flip.first, last + 1),
            value=flip.value,
            actor=flip.actor,
            at=flip.at,
            comment=flip.comment,
            revision=revision,
        )
        for flip in new
    )
    old = rows.order_by("-revision", "-version").values_list("pk", flat=True)[KEPT:]
    rows.filter(pk__in=list(old)).delete()
    return Done(revision, at=at, version=max(last, *(flip.version for flip in command.flips)), changed=len(new))
