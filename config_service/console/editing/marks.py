"""A namespace that is protected asks for its name, typed, before anything changes in it."""

from collections.abc import Iterable, Mapping

from config_service.entries.models import Namespace

PREFIX = "confirm:"


def mark_of(name: str) -> Namespace | None:
    """None where the namespace is gone."""
    return Namespace.objects.filter(name=name).first()


def approval_needed(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that change by approved change sets only."""
    found = Namespace.objects.filter(name__in=list(names), requires_approval=True)
    return list(found.values_list("name", flat=True))


def protected(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that are to be typed before anything changes in them."""
    return list(Namespace.objects.filter(name__in=list(names), protected=True).values_list("name", flat=True))


def unconfirmed(posted: Mapping[str, str], names: Iterable[str]) -> str:
    """What to say to somebody who has not typed the name of each protected namespace; "" if they have."""
    missing = [name for name in protected(names) if posted.get(PREFIX + name, "").strip() != name]
    return f"Nothing was changed: type {' and '.join(missing)} to confirm, since it is protected." if missing else ""
