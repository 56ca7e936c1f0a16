"""What has happened to a switch: what its register still holds, and what was recorded before."""

from config_service.errors import NotFound
from config_service.switches import selectors, services
from config_service.switches.stored import Flip


def history(name: str, limit: int) -> list[Flip]:
    """Newest first, linearizable for what is newest. Raises `NotFound` where nothing is known of the switch."""
    _, switch = services.read_register(name)
    flips = {flip.version: flip for flip in selectors.recorded_flips(name, limit)}
    flips |= {flip.version: flip for flip in (switch.flips if switch else ())}
    if not flips:
        raise NotFound(f"there is no switch {name!r}")
    return [flips[version] for version in sorted(flips, reverse=True)][:limit]
