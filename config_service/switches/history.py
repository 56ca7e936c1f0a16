"""What has happened to a switch: what its register still holds, and what was recorded before."""

from config_service.errors import NotFound
from config_service.switches import selectors, services
from config_service.switches.stored import Flip


def history(name: str, limit: int) -> list[Flip]:
    """Newest first, linearizable for what is newest. Raises `NotFound` where nothing is known of the switch."""
    _, switch = services.read_register(name)
    held = list(reversed(switch.flips)) if switch else []
    oldest = held[-1].first if held else 0
    recorded = selectors.recorded_flips(name, limit)
    before = [flip for birth, flip in recorded if not (switch and birth == switch.birth and flip.version >= oldest)]
    flips = [*held, *before][:limit]
    if not flips:
        raise NotFound(f"there is no switch {name!r}")
    return flips
