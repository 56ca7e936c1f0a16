"""Messages between simulated Paxos nodes: lost, doubled, late, out of order, cut off in one direction or both.

Time goes in steps here and all nodes look at their clocks in each; answers of earlier lives arrive like any others.
"""

import heapq
from dataclasses import dataclass
from random import Random

from consensus.paxos.messages import PaxosMessage


@dataclass(frozen=True, slots=True)
class Weather:
    """Chances from 0 to 1, delays in milliseconds."""

    lose: float = 0.0
    double: float = 0.0
    max_delay_ms: int = 5
    very_late: float = 0.0


class Network:
    def __init__(self, random: Random):
        self._random = random
        self._in_flight: list[tuple[int, int, str, str, PaxosMessage]] = []
        self._count = 0
        self.weather = Weather()
        self.cut: set[tuple[str, str]] = set()
        self.now_ms = 0

    def send(self, source: str, destination: str, message: PaxosMessage) -> None:
        for _ in range(1 + (self._random.random() < self.weather.double)):
            if (source, destination) in self.cut or self._random.random() < self.weather.lose:
                continue
            delay_ms = self._random.randint(0, self.weather.max_delay_ms)
            if self._random.random() < self.weather.very_late:
                delay_ms += self._random.randint(100, 5000)
            self._count += 1
            heapq.heappush(self._in_flight, (self.now_ms + delay_ms, self._count, source, destination, message))

    def due(self) -> list[tuple[str, str, PaxosMessage]]:
        """(source, destination, message) of what arrives by now."""
        arrived = []
        while self._in_flight and self._in_flight[0][0] <= self.now_ms:
            _, _, source, destination, message = heapq.heappop(self._in_flight)
            if (source, destination) not in self.cut:
                arrived.append((source, destination, message))
        return arrived
