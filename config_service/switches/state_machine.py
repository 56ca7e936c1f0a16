"""Recording what was done to switches: exactly once, whoever proposes it how often."""

from config_service.envelope import Done
from config_service.switches.commands import RecordFlips
from config_service.switches.models import SwitchChange

# So many changes of a switch are kept; the audit trail tells of all.
KEPT = 100


def apply(revision: int, at: str, command: RecordFlips) -> Done:
    """A register's versions never begin anew, so what is up to the last known one is known already."""
    known = SwitchChange.objects.filter(name=command.name).order_by("-version").values_list("version", flat=True)
    last = known.first() or 0
    new = [flip for flip in command.flips if flip.version > last]
    SwitchChange.objects.bulk_create(
        SwitchChange(
            id=f"{command.name}@{flip.version}",
            name=command.name,
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
    for version in list(known[KEPT : KEPT + 1]) if new else []:
        SwitchChange.objects.filter(name=command.name, version__lte=version).delete()
    return Done(revision, at=at, version=max(last, *(flip.version for flip in command.flips)), changed=len(new))
