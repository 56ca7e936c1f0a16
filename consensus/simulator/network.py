"""Messages between simulated nodes: lost, doubled, late, out of order, cut off in one direction or both."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from consensus.wire import PeerMessage


@dataclass(slots=True)
class Weather:
    """Chances from 0 to 1, delays in milliseconds."""

    lose: float = 0.0
    double: float = 0.0
    max_delay_ms: int = 5
    very_late: float = 0.0


class Network:
    def __init__(self, random: Random):
        self._random = random
        self._in_flight: list[tuple[int, int, str, str, int, PeerMessage]] = []
        self._count = 0
        self.weather = Weather()
        self.cut: set[tuple[str, str]] = set()
        self.now_ms = 0

    def send(self, source: str, destination: str, epoch: int, messages: Sequence[PeerMessage]) -> None:
        for message in messages:
            copies = 1 + (self._random.random() < self.weather.double)
            for _ in range(copies):
                if (source, destination) in self.cut or self._random.random() < self.weather.lose:
                    continue
                delay_ms = self._random.randint(0, self.weather.max_delay_ms)
                if self._random.random() < self.weather.very_late:
                    delay_ms += self._random.randint(100, 5000)
                self._count += 1
                item = (self.now_ms + delay_ms, self._count, source, destination, epoch, message)
                heapq.heappush(self._in_flight, item)

    def due(self) -> list[tuple[str, str, int, PeerMessage]]:
        """(source, destination, epoch, message) of what arrives by now."""
        arrived = []
        while self._in_flight and self._in_flight[0][0] <= self.now_ms:
            _, _, source, destination, epoch, message = heapq.heappop(self._in_flight)
            if (source, destination) not in self.cut:
                arrived.append((source, destination, epoch, message))
        return arrived


class Line:
    """The network as one life of one node sees it (implements `ports.Transport`)."""

    def __init__(self, network: Network, source: str, epoch: int):
        self._network = network
        self._source = source
        self._epoch = epoch

    def send(self, destination: str, messages: Sequence[PeerMessage]) -> None:
        self._network.send(self._source, destination, self._epoch, messages)
