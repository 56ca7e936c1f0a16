"""One simulated node: a disk, tables, a clock that may drift, jump or stand still, and a driver while it runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from consensus.admission import Acquaintances
from consensus.conf import NodeConfig
from consensus.driver import Driver, Events, Ports
from consensus.errors import DatabaseRefused, NameUsed, OtherDatabase
from consensus.frames import EARLY, heeds
from consensus.ports import ReceivedImage
from consensus.raft.messages import Identity, Snapshot
from consensus.requests import Answer, Request
from consensus.simulator.agenda import Agenda
from consensus.simulator.checkers import Checkers
from consensus.simulator.databases import Backup, Fate
from consensus.simulator.disk import Disk
from consensus.simulator.images import MemoryDigests, MemoryImages, decoder
from consensus.simulator.network import Life, Line, Network
from consensus.simulator.power import Crash, Power
from consensus.simulator.profiles import Profile
from consensus.simulator.tables import Tables
from consensus.simulator.trace import Trace
from consensus.wire import Hello, HelloAnswer, PeerMessage


@dataclass(slots=True)
class World:
    """What all machines of a run share."""

    random: Random
    profile: Profile
    agenda: Agenda
    network: Network
    checkers: Checkers
    trace: Trace
    publish: Callable[["Machine", Mapping[str, Sequence[Answer]]], None]
    steps: int = 0


class Machine:
    def __init__(self, config: NodeConfig, world: World):
        self.config = config
        self.name = config.node
        self.world = world
        self.power = Power()
        self.tables = Tables(self.power, lambda entries: world.checkers.applied(self, entries), config.members)
        self.disk = self._new_disk()
        self.fate = Fate.WHOLE
        # Why nobody starts it again: it was refused, or would act though it has forgotten promises.
        self.retired = ""
        self.images = MemoryImages(self.tables)
        self.driver: Driver | None = None
        self.paused = False
        self.scheduler_stopped = False
        self.disk_factor = 1.0
        self.crash_chance = world.profile.crash_chance
        self.life = 0
        # It began anew (`begin_anew`): it may be known with the database that it had.
        self.forgetful = False
        self._group_id = ""
        self._random = world.random.random
        self._events = Events()
        self._acquaintances = Acquaintances()
        self._contacts: Mapping[str, Identity] = {}
        self._turn_due = False
        self._busy_until_ms = 0.0
        self._clock_base_ms = 0.0
        self._clock_since_ms = 0.0
        self._clock_rate = 1.0
        self._next_heartbeat_ms = self._next_election_ms = self._next_compact_ms = self._next_verify_ms = 0.0

    def _new_disk(self) -> Disk:
        world = self.world
        return Disk(
            self.power,
            lambda hard, entries: world.checkers.written(self, hard, entries),
            self._write_ms,
            self._install,
            lambda snapshot: world.checkers.compacted(self, snapshot),
            lambda reason: world.checkers.diverged(self, reason),
            lambda group_id, membership: world.checkers.founded(self, group_id, membership),
            f"{self.name} {world.random.getrandbits(32):08x}",
        )

    # --- its clock -------------------------------------------------------------------------------------------------
    @property
    def clock_ms(self) -> float:
        return self._clock_base_ms + (self.world.agenda.now_ms - self._clock_since_ms) * self._clock_rate

    def set_clock_rate(self, rate: float) -> None:
        """1 is right; 0 stands still."""
        self._clock_base_ms, self._clock_since_ms = self.clock_ms, self.world.agenda.now_ms
        self._clock_rate = rate

    def jump_clock(self, ahead_ms: float) -> None:
        """A monotonic clock may jump ahead (a machine that was suspended), never back."""
        self._clock_base_ms += ahead_ms

    # --- its database ----------------------------------------------------------------------------------------------
    def lose_database(self) -> None:
        """It is down, and begins its next life with an empty database."""
        self._begin_empty()
        self.fate = Fate.LOST

    def begin_anew(self) -> None:
        """As `lose_database`, whether or not there is a group that knows it already: then it may take part again."""
        self._begin_empty()
        self.forgetful = True
        self.world.trace.note(f"{self.name} has lost its database")

    def _begin_empty(self) -> None:
        self.crash()
        self.disk = self._new_disk()
        self.tables.replace([])

    def restore_database(self, backup: Backup) -> None:
        """It is down, and begins its next life with what it knew once."""
        self.crash()
        self.fate = Fate.OLDER
        self.disk = backup.restore(self.tables)

    # --- its life --------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """From what is on the disk, with a clock that began anew."""
        if self.driver is not None or self.retired:
            return
        world = self.world
        world.steps += 1
        self.life += 1
        self.paused = self.scheduler_stopped = False
        self.power.operations_left = 0
        self._events = Events()
        self._acquaintances = Acquaintances()
        self.images = MemoryImages(self.tables)
        self._turn_due = False
        self._busy_until_ms = world.agenda.now_ms
        self._clock_base_ms, self._clock_since_ms = self._random() * 1_000_000, world.agenda.now_ms
        self._next_heartbeat_ms = self._next_election_ms = self._next_compact_ms = self._next_verify_ms = self.clock_ms
        world.checkers.started(self)
        ports = Ports(
            self.disk.session(),
            self._transport,
            self.tables,
            self.images,
            MemoryDigests(self.tables),
            self._publish,
            self._randint,
            self._acquaintances,
        )
        self.driver = Driver(self.config, ports, int(self.clock_ms))
        world.agenda.after(self._random() * self.config.election_tick_ms, self._tick, self.life)
        world.trace.note(f"{self.name} starts: {self.disk.hard_state}, {len(self.disk.entries)} entries")

    def crash(self, lose_tables: bool = True) -> None:
        """The end of this life. ``lose_tables``: the last applied batches had not reached the disk yet."""
        if self.driver is None:
            return
        self.world.steps += 1
        self.driver = None
        self.life += 1
        if lose_tables:
            # What the log was compacted up to is as durable as the log.
            most = self.tables.applied_index() - self.disk.snapshot.index
            self.tables.fall_back(min(int(self._random() ** 4 * 50), most))
        self.world.trace.note(f"{self.name} crashes, applied {self.tables.applied_index()}")

    def pause(self, paused: bool) -> None:
        self.paused = paused
        if not paused and self.driver is not None:
            self._wake()

    # --- what reaches it -------------------------------------------------------------------------------------------
    def receive(self, source: str, life: Life, message: PeerMessage) -> None:
        """As `frames.FrameCodec` does: of a stranger, another database of that name or an earlier life, only a hello
        or what is said about the founding is taken."""
        if self.driver is None or not heeds(self._group_id, life.group_id, message):
            return
        known, epochs, sender = self._contacts.get(source), self._acquaintances.epochs, (source, life.incarnation)
        if known is not None and known.incarnation in ("", life.incarnation) and life.epoch >= epochs.get(sender, 0):
            epochs[sender] = life.epoch
        elif not isinstance(message, EARLY if known is not None else Hello):
            return
        self._events.received.append((source, message))
        self._wake()

    def request(self, request: Request) -> None:
        if self.driver is not None:
            self._events.requests.append(request)
            self._wake()

    def _tick(self, life: int) -> None:
        """The scheduler: a heartbeat and an election tick on a grid of this node's clock; late ones collapse."""
        if life != self.life:
            return
        now_ms = self.clock_ms
        if not (self.paused or self.scheduler_stopped):
            config = self.config
            if now_ms >= self._next_heartbeat_ms:
                self._events.heartbeat_due = True
                self._next_heartbeat_ms = (now_ms // config.heartbeat_interval_ms + 1) * config.heartbeat_interval_ms
            if now_ms >= self._next_election_ms:
                self._events.election_due = True
                self._next_election_ms = (now_ms // config.election_tick_ms + 1) * config.election_tick_ms
            if self.world.profile.compact_every_ms and now_ms >= self._next_compact_ms:
                self._events.compact_due = True
                self._next_compact_ms = now_ms + self.world.profile.compact_every_ms
            if self.world.profile.verify_every_ms and now_ms >= self._next_verify_ms:
                self._events.verify_due = True
                self._next_verify_ms = now_ms + self.world.profile.verify_every_ms
        due_ms = max(1.0, min(self._next_heartbeat_ms, self._next_election_ms) - now_ms)
        self.world.agenda.after(min(due_ms / max(self._clock_rate, 0.05), 1000.0), self._tick, life)
        if self._events.election_due or self._events.heartbeat_due:
            self._wake()

    # --- its turns -------------------------------------------------------------------------------------------------
    def _wake(self) -> None:
        """Take a turn now or soon; what comes until then is taken together, as the runtime does."""
        if self._turn_due or self.paused:
            return
        agenda = self.world.agenda
        delay_ms = self._random() * 2 * self.world.profile.wake_ms - self.world.profile.wake_ms
        if self._busy_until_ms > agenda.now_ms:
            self._turn_due = True
            agenda.at(self._busy_until_ms, self._due, self.life)
        elif delay_ms > 0:
            self._turn_due = True
            agenda.after(delay_ms, self._due, self.life)
        else:
            self._turn()

    def _due(self, life: int) -> None:
        if life == self.life:
            self._turn_due = False
            if not self.paused:
                self._turn()

    def _turn(self) -> None:
        world, power = self.world, self.power
        events = self._take_events()
        world.steps += len(events.received) + len(events.requests) + events.heartbeat_due + events.election_due
        if self.crash_chance and not power.operations_left and self._random() < self.crash_chance:
            self.fail_soon()
        power.used_ms = 0.0
        driver = self.driver
        assert driver is not None
        try:
            more = driver.turn(events, int(self.clock_ms))
        except Crash:
            world.trace.turn(self, events)
            self.crash()
            world.agenda.after(Profile.draw_ms(self._random, world.profile.down_ms), self.start)
            return
        except NameUsed:
            world.checkers.turned_away(self)
            self.crash()
            return
        except DatabaseRefused as error:
            self._refuse(error)
            return
        self._busy_until_ms = world.agenda.now_ms + power.used_ms
        world.trace.turn(self, events)
        world.checkers.turned(self)
        if self.fate is not Fate.WHOLE and world.checkers.forgetting.acts(self, events.received):
            self._retire("has an older database, and nobody who could tell has answered")
            return
        if (more or driver.lags) and not self._turn_due:
            self._turn_due = True
            world.agenda.at(self._busy_until_ms + 0.5, self._due, self.life)

    def _take_events(self) -> Events:
        """What came. A node with an older database gets the answers to its hello by themselves: should they admit it,
        it must not act in the same turn."""
        events, self._events = self._events, Events()
        answers = [one for one in events.received if isinstance(one[1], HelloAnswer)]
        if self.fate is not Fate.OLDER or not answers:
            return events
        events.received = [one for one in events.received if not isinstance(one[1], HelloAnswer)]
        self._events = events
        return Events(received=answers)

    def _refuse(self, error: DatabaseRefused) -> None:
        """Whoever begins anew is started again, and again; nobody else is once it was refused."""
        if self.forgetful and isinstance(error, OtherDatabase):
            self.crash()
            self.world.agenda.after(self.world.profile.down_ms[1], self.start)
            return
        self.world.checkers.forgetting.refused(self, error)
        self._retire(f"is refused: {error}")

    def _retire(self, why: str) -> None:
        self.world.trace.note(f"{self.name} {why}: it stays off")
        self.retired = why
        self.crash()

    def fail_soon(self) -> None:
        """The power will fail at one of the next operations."""
        self.power.operations_left = 1 + int(self._random() * 10)

    # --- what its driver is given ----------------------------------------------------------------------------------
    def _transport(self, epoch: int, incarnation: str) -> Line:
        world = self.world
        return Line(
            world.network,
            self.power,
            self.name,
            Life(epoch, incarnation),
            lambda to, message: world.checkers.sent(self, to, message),
            self._set_contacts,
            self._set_group_id,
        )

    def _install(self, snapshot: Snapshot, image: ReceivedImage, keep_log: bool) -> None:
        self.tables.replace(*decoder.decode(image.data))
        self.world.checkers.installed(self, snapshot, keep_log)
        self.world.trace.note(f"{self.name} installs an image of {snapshot.index}")

    def _set_contacts(self, contacts: Mapping[str, Identity]) -> None:
        self._contacts = contacts

    def _set_group_id(self, group_id: str) -> None:
        self._group_id = group_id

    def _publish(self, answers: Mapping[str, Sequence[Answer]]) -> None:
        self.power.operate()
        self.world.publish(self, answers)

    def _randint(self, low: int, high: int) -> int:
        return low + int(self._random() * (high - low + 1))

    def _write_ms(self) -> float:
        low, high = self.world.profile.write_ms
        return (low + self._random() * (high - low)) * self.disk_factor
