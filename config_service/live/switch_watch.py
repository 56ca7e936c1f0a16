"""What one watcher of switches has not been told yet.

A switch is a register whose value now is what matters: told is the newest version of each that the watcher does not
have, never an older one; versions in between may be skipped.
"""

import asyncio
from collections.abc import Iterable, Sequence

from config_service.live.authority import SWITCHES, Credential
from config_service.live.hub import Live
from config_service.live.switch_seen import Seen
from config_service.live.watching import Watching
from config_service.switches.stored import SwitchSnapshot


class Wanted:
    """Which switches: the one with ``name``, or those whose names begin with ``prefix``."""

    def __init__(self, name: str = "", prefix: str = ""):
        self._name = name
        self._prefix = prefix

    def __contains__(self, name: str) -> bool:
        return name == self._name if self._name else name.startswith(self._prefix)


class SwitchWatch(Watching[list[SwitchSnapshot]]):
    """To be closed. ``vanished``: what the watcher has seen, and is known not to be there any more. ``whole``: it has
    seen nothing, so that what it is told first is all there is."""

    def __init__(
        self,
        live: Live,
        credential: Credential,
        wanted: Wanted,
        seen: Seen,
        vanished: Sequence[SwitchSnapshot],
        whole: bool,
    ):
        super().__init__(live, credential, SWITCHES, asyncio.Event())
        self._wanted = wanted
        self._vanished = vanished
        self._pending: set[str] = set()
        self._registered = False
        self.seen = seen
        self.whole = whole

    def close(self) -> None:
        if self._registered:
            self._live.switches.remove(self)
            self._live.watchers.leave(self._woken)
            self._registered = False

    @property
    def caught_up(self) -> bool:
        return self._registered and not self._pending

    def hear(self, names: Iterable[str]) -> None:
        """These switches may have changed."""
        self._pending.update(name for name in names if name in self._wanted)
        if self._pending:
            self._woken.set()

    async def _news(self) -> list[list[SwitchSnapshot]]:
        if not self._registered:
            self._registered = True
            self._live.watchers.join(self._woken)
            self._live.switches.add(self)
        pending, self._pending = sorted(self._pending), set()
        gone, self._vanished = self._vanished, ()
        now = [*gone, *(switch for name in pending if (switch := self._live.switches.latest(name)) is not None)]
        news = [switch for switch in now if self.seen.take(switch)]
        return [news] if news else []
