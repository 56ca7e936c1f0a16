"""Messages between simulated nodes: lost, doubled, late, out of order, cut off in one direction or both."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from consensus.raft.messages import Identity
from consensus.simulator.agenda import Agenda
from consensus.simulator.power import Power
from consensus.wire import PeerMessage

Pair = tuple[str, str]


class Life(NamedTuple):
    """Which life of which database of its node sent a message, and of which group it was then."""

    epoch: int
    incarnation: str
    group_id: str = ""


Arrive = Callable[[str, str, Life, PeerMessage], None]


@dataclass(frozen=True, slots=True)
class Weather:
    """Chances from 0 to 1, delays in milliseconds. ``in_order``: one sender's messages do not overtake each other."""

    lose: float = 0.0
    double: float = 0.0
    delay_ms: tuple[float, float] = (0.2, 3.0)
    very_late: float = 0.0
    very_late_ms: float = 5000.0
    in_order: bool = False


class Network:
    """``arrive`` takes (source, destination, life, message). ``sent`` counts the messages handed in."""

    def __init__(self, random: Random, agenda: Agenda, weather: Weather, arrive: Arrive):
        self._random = random.random
        self._agenda = agenda
        self._arrive = arrive
        self._last: dict[Pair, float] = {}
        self._cuts: dict[Pair, int] = {}
        self.weather = weather
        self.sent = 0

    def send(self, source: str, destination: str, life: Life, messages: Sequence[PeerMessage], in_ms: float) -> None:
        """``in_ms`` from now the messages leave."""
        self.sent += len(messages)
        if (source, destination) in self._cuts:
            return
        weather, random = self.weather, self._random
        for message in messages:
            if weather.lose and random() < weather.lose:
                continue
            self._post(source, destination, life, message, in_ms)
            if weather.double and random() < weather.double:
                self._post(source, destination, life, message, in_ms)

    def _post(self, source: str, destination: str, life: Life, message: PeerMessage, in_ms: float) -> None:
        weather, random = self.weather, self._random
        shortest_ms, longest_ms = weather.delay_ms
        arrival_ms = self._agenda.now_ms + in_ms + shortest_ms + random() * (longest_ms - shortest_ms)
        if weather.very_late and random() < weather.very_late:
            arrival_ms += random() * weather.very_late_ms
        elif weather.in_order:
            arrival_ms = self._last[source, destination] = max(arrival_ms, self._last.get((source, destination), 0.0))
        self._agenda.at(arrival_ms, self._deliver, source, destination, life, message)

    def _deliver(self, source: str, destination: str, life: Life, message: PeerMessage) -> None:
        if (source, destination) not in self._cuts:
            self._arrive(source, destination, life, message)

    def cut(self, pairs: Iterable[Pair]) -> None:
        """Nothing gets from the first to the second of each pair, until as many `mend`s; what is on its way is lost."""
        for pair in pairs:
            self._cuts[pair] = self._cuts.get(pair, 0) + 1

    def mend(self, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            left = self._cuts.get(pair, 0) - 1
            if left > 0:
                self._cuts[pair] = left
            else:
                self._cuts.pop(pair, None)

    def mend_all(self) -> None:
        self._cuts.clear()


class Line:
    """The network as one life of one node sees it (implements `ports.Transport`).

    ``witness`` sees (destination, message) before it leaves.
    """

    def __init__(
        self,
        network: Network,
        power: Power,
        source: str,
        life: Life,
        witness: Callable[[str, PeerMessage], None],
        set_contacts: Callable[[Mapping[str, Identity]], None],
        set_group_id: Callable[[str], None],
    ):
        self._network = network
        self._power = power
        self._source = source
        self._life = life
        self._witness = witness
        self.set_contacts = set_contacts
        self._set_group_id = set_group_id

    def set_group_id(self, group_id: str) -> None:
        self._life = self._life._replace(group_id=group_id)
        self._set_group_id(group_id)

    def send(self, destination: str, messages: Sequence[PeerMessage]) -> None:
        self._power.operate()
        for message in messages:
            self._witness(destination, message)
        self._network.send(self._source, destination, self._life, messages, self._power.used_ms)
