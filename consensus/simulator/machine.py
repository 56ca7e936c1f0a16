"""One simulated node: a disk, tables, a clock that may drift or stand still, and a driver while it runs."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from consensus.conf import NodeConfig
from consensus.driver import Driver, Events
from consensus.simulator.disk import Crash, Disk
from consensus.simulator.network import Line, Network
from consensus.simulator.tables import Tables
from consensus.wire import Answer, PeerMessage, Request

Publish = Callable[[str, Mapping[str, Sequence[Answer]]], None]


class Machine:
    def __init__(self, config: NodeConfig, random: Random, network: Network, publish: Publish):
        self.config = config
        self.name = config.node
        self.disk = Disk(random)
        self.tables = Tables(random)
        self.driver: Driver | None = None
        self.paused = False
        self.scheduler_stopped = False
        self._random = random
        self._network = network
        self._publish = publish
        self._events = Events()
        self._epochs: dict[str, int] = {}
        self._clock_ms = random.randint(0, 1_000_000)
        self._next_heartbeat_ms = self._next_election_ms = 0
        self._more = False

    @property
    def running(self) -> bool:
        return self.driver is not None

    def start(self) -> None:
        self._events = Events()
        self._epochs = {}
        self.driver = Driver(
            self.config,
            self.disk.session(),
            lambda epoch: Line(self._network, self.name, epoch),
            self.tables,
            lambda answers: self._publish(self.name, answers),
            self._random.randint,
            self._clock_ms,
        )

    def crash(self) -> None:
        self.driver = None
        self.paused = False
        self.tables.crash()

    def receive(self, source: str, epoch: int, message: PeerMessage) -> None:
        """As the inbox does: frames of an earlier life of the sender are refused."""
        if self.driver is not None and epoch >= self._epochs.get(source, 0):
            self._epochs[source] = epoch
            self._events.received.append((source, message))

    def request(self, request: Request) -> bool:
        if self.driver is None:
            return False
        self._events.requests.append(request)
        return True

    def step(self, passed_ms: int) -> None:
        """Let time pass, and take a turn if there is a reason to."""
        self._clock_ms += passed_ms
        if self.driver is None or self.paused:
            return
        if not self.scheduler_stopped:
            self._tick()
        events = self._events
        idle = not (events.received or events.requests or events.heartbeat_due or events.election_due)
        if idle and not (self._more or self.driver.lags):
            return
        self._events = Events()
        try:
            self._more = self.driver.turn(events, self._clock_ms)
        except Crash:
            self.crash()

    def _tick(self) -> None:
        if self._clock_ms >= self._next_heartbeat_ms:
            self._events.heartbeat_due = True
            self._next_heartbeat_ms = self._clock_ms + self.config.heartbeat_interval_ms
        if self._clock_ms >= self._next_election_ms:
            self._events.election_due = True
            self._next_election_ms = self._clock_ms + self.config.election_tick_ms
