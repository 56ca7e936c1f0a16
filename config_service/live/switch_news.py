"""What is new about switches, carried from the board's thread to the event loop, for all who watch them."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from config_service.errors import Invalid
from config_service.switches.board import Board
from config_service.switches.stored import SwitchSnapshot, latest
from consensus.requests import RegisterState

logger = logging.getLogger(__name__)


class Listener(Protocol):
    def hear(self, names: Iterable[str]) -> None:
        """These switches may have changed."""


class SwitchNews:
    """``board`` gives this process's. Except for `known`, all is called on the event loop."""

    def __init__(self, board: Callable[[], Board]):
        self._board = board
        self._listeners: set[Listener] = set()
        self._end: Callable[[], None] | None = None
        self._states: Mapping[str, RegisterState] = {}
        self._decoded: dict[str, SwitchSnapshot | None] = {}

    def known(self) -> Mapping[str, RegisterState]:
        """What the node knows. To be asked, in a thread, before anybody listens, since the first answer may take a
        moment. Raises `NoLeader`."""
        return self._board().states()

    def add(self, listener: Listener) -> None:
        """From now on it hears of what changes; first, of all there is."""
        if self._end is None:
            board, loop = self._board(), asyncio.get_running_loop()

            def told() -> None:
                # The loop may have ended just now: nobody listens any more.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._look)

            self._end = board.listen(told)
        self._listeners.add(listener)
        self._look()
        listener.hear(self._states)

    def remove(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners and self._end is not None:
            self._end()
            self._end = None
            self._states, self._decoded = {}, {}

    def latest(self, name: str) -> SwitchSnapshot | None:
        """Decoded once for all; None where this release cannot read it."""
        if name not in self._decoded:
            try:
                self._decoded[name] = latest(self._states[name])
            except Invalid as error:
                logger.warning("%s is not told to those who watch it: %s", name, error)
                self._decoded[name] = None
        return self._decoded[name]

    def _look(self) -> None:
        if self._end is None:
            return
        before, self._states = self._states, self._board().states()
        changed = [name for name, state in self._states.items() if before.get(name) is not state]
        for name in changed:
            self._decoded.pop(name, None)
        if changed:
            for listener in self._listeners:
                listener.hear(changed)
