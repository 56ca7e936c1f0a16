"""Bringing into the group's log what was done to switches without it, at whoever leads.

A flip is in the audit trail about a second after it happened, or after there is a leader again. Until then the register
holds it. To propose it twice is harmless: the state machine knows the last version of each switch.
"""

from collections.abc import Iterable
from itertools import groupby

from config_service.proposing import propose
from config_service.switches import selectors, services
from config_service.switches.commands import RecordFlips
from config_service.switches.stored import Flip, decode
from consensus.origin import coming_from
from consensus.requests import RegisterState


class Recorder:
    """Remembers what it has recorded in this life of the node, so that what stands still costs nothing. A group that
    becomes another one by a snapshot begins a new life, with other tables."""

    def __init__(self) -> None:
        self._life = 0
        self._done: dict[str, int] = {}

    def record(self, states: Iterable[RegisterState], life: int = 0) -> int:
        """Propose what is not recorded yet; returns how many changes. Raises what `propose` raises."""
        if life != self._life:
            self._life, self._done = life, {}
        recorded = 0
        for state in states:
            if state.value is not None and self._done.get(state.name, 0) < state.version:
                recorded += self._record(state)
                self._done[state.name] = state.version
        return recorded

    def _record(self, state: RegisterState) -> int:
        switch = decode(state.value or b"")
        birth, version = selectors.last_recorded(state.name)
        known = version if birth == switch.birth else 0
        new = [flip for flip in switch.flips if flip.version > known]
        for flips in _runs(new):
            last = flips[-1]
            with coming_from(last.origin):
                propose(RecordFlips(state.name, switch.birth, tuple(flips)), last.actor)
        if not switch.value:
            services.clear(state.name, state.version)
        return len(new)


def _runs(flips: list[Flip]) -> list[list[Flip]]:
    """Cut where somebody else goes on: a record has one actor and one origin."""
    return [list(run) for _, run in groupby(flips, key=lambda flip: (flip.actor, flip.origin))]
