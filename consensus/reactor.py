"""Where the node's thread waits: for any of its sockets to be ready, and for other threads that want something done.

One thread around one selector, because handing work from thread to thread costs more than most of the work: on the
way of a write there would be a dozen such steps.
"""

import contextlib
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

TICK_S = 0.04
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Watched(Protocol):
    """What has to be looked at now and then, and told when its socket is ready. Neither may block or raise."""

    def ready(self) -> None: ...

    def tick(self, now_s: float) -> None: ...


class Reactor:
    """Everything but `post` belongs to one thread, the one that calls `run`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._masks: dict[socket.socket | int, int] = {}
        self._watched: list[Watched] = []
        self._posted: deque[Callable[[], None]] = deque()
        self._awake = False
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        self._selector.register(self._woken, READ)
        self._ticked_s = 0.0

    def post(self, work: Callable[[], None]) -> None:
        """Have ``work`` called by the reactor's thread. Safe from any thread; never blocks."""
        self._posted.append(work)
        if not self._awake:
            self._awake = True
            # Full means that it will wake up, closed that it has ended.
            with contextlib.suppress(OSError):
                self._wake.send(b"!")

    def add(self, watched: Watched) -> None:
        self._watched.append(watched)

    def remove(self, watched: Watched) -> None:
        self._watched.remove(watched)

    def watch(self, sock: socket.socket | int, mask: int, watched: Watched) -> None:
        """Say when ``sock``, or the socket of this descriptor, can be read or written (``mask``; 0: no longer)."""
        before = self._masks.get(sock, 0)
        if mask == before:
            return
        if not before:
            self._selector.register(sock, mask, watched)
        elif mask:
            self._selector.modify(sock, mask, watched)
        else:
            self._selector.unregister(sock)
        if mask:
            self._masks[sock] = mask
        else:
            del self._masks[sock]

    def run(self, timeout_s: float) -> None:
        """Wait for at most ``timeout_s``, or until something happens; do what is to be done."""
        for key, _ in self._selector.select(min(timeout_s, 2 * TICK_S)):
            if key.data is None:
                self._sleep_lightly()
            elif key.fileobj in self._masks:
                key.data.ready()
        while self._posted:
            self._posted.popleft()()
        now_s = time.monotonic()
        if now_s - self._ticked_s >= TICK_S:
            self._ticked_s = now_s
            for watched in list(self._watched):
                watched.tick(now_s)

    def _sleep_lightly(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        # Before the posted work is looked at: what comes from now on wakes the thread again.
        self._awake = False

    def close(self) -> None:
        self._selector.close()
        self._woken.close()
        self._wake.close()
