"""One live node: a thread that runs the driver, between the inbox, the scheduler's ticks and the node's Postgres.

A node lives many *lives*. Each begins by taking the node's identity in Postgres (lock and next epoch) and loading what
was promised. When anything goes wrong with the database the life ends: what was pending is thrown away, nothing of it
is sent, and the next life starts from storage, as if the process had been restarted. Only an identity that another
process holds, or stored data that cannot be, ends the runtime for good.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from django.db import Error as DatabaseError
from django.db import connection
from django.utils.module_loading import import_string

from consensus.admission import Acquaintances
from consensus.applier import DatabaseApplier
from consensus.conf import NodeConfig
from consensus.digests import PostgresDigests
from consensus.driver import Driver, Events, Ports
from consensus.errors import Fenced, InvariantViolation, StartOver
from consensus.feed import Feed
from consensus.frames import FrameCodec
from consensus.images import PostgresImages
from consensus.inbox import Inbox
from consensus.paxos.errors import SafetyViolation
from consensus.ports import StateMachine
from consensus.publisher import StatusPublisher
from consensus.raft.messages import Identity
from consensus.raft.replication import LogConflict
from consensus.reactor import Reactor
from consensus.requests import Answer, Request
from consensus.session_watch import SessionWatch
from consensus.storage import CONNECTION_ERRORS, PostgresStorage
from consensus.transport import LifeTransport, RedisTransport
from consensus.wire import PeerMessage

logger = logging.getLogger(__name__)

HAND_OVER_S = 1.5
PATIENCE_S = (0.1, 0.5)
FIRST_LOCK_WAIT_S, LATER_LOCK_WAIT_S = 5.0, 30.0


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Runtime:
    """``on_fatal`` is called, from the runtime's thread, when it must not go on."""

    def __init__(self, config: NodeConfig, dsn: str, on_fatal: Callable[[str], None]):
        self.config = config
        self._dsn = dsn
        self._on_fatal = on_fatal
        self._reactor = Reactor()
        self._events = Events()
        self._stopping = threading.Event()
        self._acquaintances = Acquaintances()
        self._codec = FrameCodec(config.group, config.node, config.secret, self._acquaintances.epochs)
        self._inbox = Inbox(self._reactor, config, self._codec, self._deliver)
        self._transport = RedisTransport(self._reactor, config, self._codec)
        self._feed = Feed(self._reactor, config)
        self._thread = threading.Thread(target=self._run, name="raft", daemon=True)
        self._driver: Driver | None = None
        self.publisher = StatusPublisher(config, self._feed, self._codec, self._transport)

    # --- called from other threads ---------------------------------------------------------------------------------
    def start(self) -> None:
        self._thread.start()

    def heartbeat(self) -> None:
        """The scheduler says: heartbeats are due."""
        self._reactor.post(self._heartbeat_due)

    def election(self) -> None:
        """The scheduler says: look at the election timer."""
        self._reactor.post(self._election_due)

    def compact(self) -> None:
        """The scheduler says: look at how much log there is."""
        self._reactor.post(self._compact_due)

    def verify(self) -> None:
        """The scheduler says: have all nodes compare their tables."""
        self._reactor.post(self._verify_due)

    def stop(self, timeout_s: float = 5.0) -> None:
        """Hand leadership over if this node leads, then stop."""
        self._stopping.set()
        self._reactor.post(lambda: None)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    # --- called from the thread ------------------------------------------------------------------------------------
    def _set_contacts(self, contacts: Mapping[str, Identity]) -> None:
        """Talk with exactly these from now on, this node included."""
        members = {node: identity.address for node, identity in contacts.items()}
        self._codec.set_contacts(contacts)
        self._transport.set_members(members)
        self._feed.delete(self._inbox.set_members(members))

    def _heartbeat_due(self) -> None:
        self._events.heartbeat_due = True

    def _election_due(self) -> None:
        self._events.election_due = True

    def _publish(self, answers: Mapping[str, Sequence[Answer]]) -> None:
        self._feed.publish(answers, self._driver.node.applied_index if self._driver is not None else 0)

    def _compact_due(self) -> None:
        self._events.compact_due = True

    def _verify_due(self) -> None:
        self._events.verify_due = True

    def _deliver(self, received: list[tuple[str, PeerMessage]], requests: list[Request]) -> None:
        self._events.received += received
        self._events.requests += requests

    # --- the thread ------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        try:
            self._live_on()
        finally:
            self._inbox.stop()
            self._transport.stop()
            self._feed.stop()
            self._reactor.close()

    def _live_on(self) -> None:
        """Life after life."""
        pause_s, first = PATIENCE_S[0], True
        while not self._stopping.is_set():
            # After a lost session the server may take a while to notice that its other end is gone.
            patience_s = FIRST_LOCK_WAIT_S if first else LATER_LOCK_WAIT_S
            state_machine = import_string(self.config.state_machine)()
            storage = PostgresStorage(self._dsn, self.config.group, self.config.node, state_machine.tables, patience_s)
            started = time.monotonic()
            try:
                self._live(storage, state_machine)
            except (Fenced, InvariantViolation, LogConflict, SafetyViolation) as error:
                if self._driver is None or not isinstance(error, Fenced):
                    logger.critical("node %s stops: %s", self.config.node, error)
                    self.publisher.publish_end(str(error))
                    self._on_fatal(str(error))
                    return
                logger.warning("node %s starts over: %s", self.config.node, error)
            except StartOver as error:
                logger.warning("node %s starts over: %s", self.config.node, error)
            except (*CONNECTION_ERRORS, DatabaseError) as error:
                logger.warning("node %s lost its Postgres: %s", self.config.node, str(error).strip())
            except Exception:
                logger.exception("node %s: unexpected error; starting over from storage", self.config.node)
            finally:
                first = first and self._driver is None
                self._driver = None
                storage.close()
                connection.close()
            if time.monotonic() - started > 10:
                pause_s = PATIENCE_S[0]
            self._refuse_for(pause_s)
            pause_s = min(pause_s * 2, PATIENCE_S[1])

    def _live(self, storage: PostgresStorage, state_machine: StateMachine) -> None:
        """One life, until something goes wrong or the runtime stops."""
        ports = Ports(
            storage=storage,
            transport_for=lambda *life: LifeTransport(
                self._transport, life, self._set_contacts, self._codec.set_group_id
            ),
            applier=DatabaseApplier(state_machine),
            images=PostgresImages(self._dsn, state_machine.tables),
            digests=PostgresDigests(self._dsn, state_machine.tables),
            publish=self._publish,
            randint=random.SystemRandom().randint,
            acquaintances=self._acquaintances,
            register_function=import_string(self.config.register_function),
        )
        driver = Driver(self.config, ports, monotonic_ms())
        self._driver = driver
        # Not before this process is the node: one that will be refused must not take another one's messages.
        self._inbox.start()
        logger.info("node %s lives, epoch %d, term %d", self.config.node, driver.epoch, driver.node.term)
        session = SessionWatch(self._reactor, storage)
        session.start()
        try:
            self._turn_on(driver, session)
            self._hand_over(driver)
        finally:
            session.stop()

    def _turn_on(self, driver: Driver, session: SessionWatch) -> None:
        more = False
        while not self._stopping.is_set():
            self._reactor.run(0.0 if more else driver.patience_s(monotonic_ms()))
            # Before anything is taken: what was asked meanwhile is refused after this life.
            session.require_alive()
            more = driver.turn(self._take_events(), monotonic_ms())
            self._publish({})
            self.publisher.publish(driver, monotonic_ms())

    def _wait(self, timeout_s: float) -> Events:
        """Everything that has happened, waiting for something if nothing has."""
        self._reactor.run(timeout_s)
        return self._take_events()

    def _take_events(self) -> Events:
        events, self._events = self._events, Events()
        return events

    def _hand_over(self, driver: Driver) -> None:
        deadline = monotonic_ms() + int(HAND_OVER_S * 1000)
        while monotonic_ms() < deadline and driver.hand_over(monotonic_ms()):
            driver.turn(self._wait(0.05), monotonic_ms())

    def _refuse_for(self, seconds: float) -> None:
        """Between lives: tell local callers at once that nothing can be done here, and let peers' messages go."""
        deadline = time.monotonic() + seconds
        while not self._stopping.is_set() and (left := deadline - time.monotonic()) > 0:
            answers: dict[str, list[Answer]] = {}
            for request in self._wait(left).requests:
                self._refuse(request, answers)
            if answers:
                self._publish(answers)

    @staticmethod
    def _refuse(request: Request, answers: dict[str, list[Answer]]) -> None:
        answers.setdefault(request.reply_to, []).append(Answer(request.token, "no_leader"))

    def status(self) -> dict:
        """The latest published status, for `celery inspect raft_status`."""
        return self.publisher.latest(self._driver is not None)
