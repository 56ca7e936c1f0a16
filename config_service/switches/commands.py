"""What the leader brings into the log about switches that were flipped without it."""

from config_service.envelope import CommandBase, Done, Target
from config_service.switches.stored import Flip


class RecordFlips(CommandBase, frozen=True, tag="switches.flip"):
    """Changes of the switch ``name`` in the life ``birth``, by one actor from one origin, oldest first."""

    name: str
    birth: str
    flips: tuple[Flip, ...]

    def touches(self, done: Done) -> tuple[Target, ...]:
        """Those that were not known yet are the last ones."""
        return tuple(_target(self.name, flip) for flip in self.flips[len(self.flips) - done.changed :])


def _target(name: str, flip: Flip) -> Target:
    span = f"version {flip.version}" if flip.first == flip.version else f"versions {flip.first} to {flip.version}"
    return Target("switch", name=name, detail=f"{span} {'set' if flip.value != '' else 'deleted'} at {flip.at}")


SwitchesCommand = RecordFlips
