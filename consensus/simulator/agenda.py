"""What happens next: a queue ordered by time, so that nodes with nothing to do cost nothing."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any


class Agenda:
    """Times in milliseconds since the run began. What is due at the same time happens in the order it was put in."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self._queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def at(self, time_ms: float, act: Callable[..., None], *arguments: Any) -> None:
        self._count += 1
        heappush(self._queue, (time_ms, self._count, act, arguments))

    def after(self, delay_ms: float, act: Callable[..., None], *arguments: Any) -> None:
        self._count += 1
        heappush(self._queue, (self.now_ms + delay_ms, self._count, act, arguments))

    def proceed(self) -> None:
        """Let the next thing happen."""
        self.now_ms, _, act, arguments = heappop(self._queue)
        act(*arguments)
