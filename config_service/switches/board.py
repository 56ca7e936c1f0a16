"""What this node has learned about switches, held by each process that asks: stale reads, lists, the audit's news.

A thread follows the runtime's news from the first question on. What it says may be old by as much as the node is cut
off; it is never taken back.
"""

import os
import threading
import time
from collections.abc import Callable

from config_service.switches.stored import SwitchSnapshot, snapshot_of
from consensus import client as consensus_client
from consensus.errors import ConsensusError, NoLeader
from consensus.requests import RegisterNews, RegisterState

WAIT_S = 2.0
PAUSE_S = 0.2
FIRST_S = 2.0


class Board:
    """Thread-safe. One a process: `get_board`."""

    def __init__(self, client: consensus_client.Client) -> None:
        self._client = client
        self._closed = False
        self._states: dict[str, RegisterState] = {}
        self._life = self._position = 0
        self._begun = threading.Event()
        self._listeners: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._follow, name="switches", daemon=True)
        self._thread.start()

    @property
    def life(self) -> int:
        """Which life of the node this was last told by."""
        return self._life

    def states(self) -> dict[str, RegisterState]:
        """All registers, deleted ones as well. Raises `NoLeader` where this node's runtime has not answered yet."""
        if not self._begun.wait(FIRST_S):
            raise NoLeader("this node's runtime does not answer")
        return self._states

    def switches(self) -> dict[str, SwitchSnapshot]:
        """By name, in the order of the names."""
        found = {name: snapshot_of(state) for name, state in sorted(self.states().items())}
        return {name: switch for name, switch in found.items() if switch is not None}

    def listen(self, told: Callable[[], None]) -> Callable[[], None]:
        """``told`` is called, in the board's thread, whenever there is news. Returns what ends that."""
        self._listeners.append(told)
        return lambda: self._listeners.remove(told)

    def close(self) -> None:
        """Follow no longer."""
        self._closed = True

    def _follow(self) -> None:
        while not self._closed:
            try:
                news = self._client.register_news(self._life, self._position, WAIT_S)
            except ConsensusError:
                time.sleep(PAUSE_S)
            else:
                self._take(news)

    def _take(self, news: RegisterNews) -> None:
        states = {} if news.whole else dict(self._states)
        states |= {state.name: state for state in news.registers}
        changed = news.whole or bool(news.registers)
        if news.whole and news.more:
            # Nobody is shown a part of it.
            news, states = self._rest(news, states)
        self._states, self._life, self._position = states, news.life, news.position
        self._begun.set()
        if changed:
            for told in list(self._listeners):
                told()

    def _rest(
        self, news: RegisterNews, states: dict[str, RegisterState]
    ) -> tuple[RegisterNews, dict[str, RegisterState]]:
        life = news.life
        while news.more:
            news = self._client.register_news(life, news.position, WAIT_S)
            if news.whole:
                states, life = {}, news.life
            states |= {state.name: state for state in news.registers}
        return news, states


_boards: dict[int, Board] = {}
_boards_lock = threading.Lock()


def get_board() -> Board:
    """This process's board; a forked child gets one of its own."""
    pid = os.getpid()
    with _boards_lock:
        if pid not in _boards:
            _boards.clear()
            _boards[pid] = Board(consensus_client.get_client())
        return _boards[pid]
