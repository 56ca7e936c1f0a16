"""Everything one node knows, and what it wants done. The other rooms are functions over this state."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from consensus.paxos.acceptor import Acceptor
from consensus.paxos.ballot import Ballot, Ballots
from consensus.paxos.learner import Learner
from consensus.paxos.messages import (
    Accept,
    AcceptorRequest,
    Erase,
    HardState,
    ListNames,
    PaxosMessage,
    Query,
    Refusal,
)
from consensus.paxos.proposer import Attempt
from consensus.paxos.quorum import Quorum
from consensus.paxos.work import Asked, Outcome

Addressed = tuple[str, PaxosMessage]


@dataclass(frozen=True, slots=True)
class PaxosConfig:
    """Fixed for the life of a node. Times in milliseconds, sizes in bytes.

    ``owner`` stands in the ballots, "" for ``node``: another one where a disk that was lost must not lead to the same
    ballots again. ``patience_ms``: how long to wait for the rest when those that answered disagree. ``max_asked``:
    requests at this node without an outcome. ``max_registers``: above it no new name is taken. ``max_leases``:
    registers whose next ballot is kept ready for one round trip. ``max_batch``: changes in one ballot; far below
    `register.RECENT_IDS`, so that one ballot never pushes an id out.
    """

    node: str
    owner: str = ""
    request_timeout_ms: int = 5000
    resend_ms: int = 200
    patience_ms: int = 20
    backoff_ms: int = 5
    learn_timeout_ms: int = 500
    max_value_bytes: int = 4096
    max_name_length: int = 200
    max_asked: int = 4096
    max_registers: int = 10_000
    max_leases: int = 1024
    max_batch: int = 8
    max_idle_promises: int = 1000
    page_size: int = 256


@dataclass(slots=True)
class Round:
    """The work on one register at this node, while there is any. One attempt runs at a time; what comes meanwhile
    waits and goes into the next ballot together."""

    name: str
    waiting: list[Asked] = field(default_factory=list)
    attempt: Attempt | None = None
    erasing: bool = False
    deciding: list[Asked] = field(default_factory=list)
    outcomes: tuple[Outcome, ...] = ()
    failures: int = 0
    wake_ms: int = 0  # when to ask again, or when the back-off ends


@dataclass(slots=True)
class Inquiry:
    """A question to all acceptors that promises nothing: a read, or a page of names. ``later``: came while it ran."""

    question: Query | ListNames
    asked: list[Asked]
    replies: dict[str, PaxosMessage] = field(default_factory=dict)
    later: list[Asked] = field(default_factory=list)
    wake_ms: int = 0


@dataclass(slots=True)
class State:
    config: PaxosConfig
    quorum: Quorum
    acceptor: Acceptor
    ballots: Ballots
    learner: Learner
    # A random whole number between two bounds, both included; handed in so that a seed decides everything.
    randint: Callable[[int, int], int]
    now_ms: int
    rounds: dict[str, Round] = field(default_factory=dict)
    # The promise that came with the last accept: its attempt is already through phase 1.
    leases: dict[str, Attempt] = field(default_factory=dict)
    reads: dict[str, Inquiry] = field(default_factory=dict)
    listings: dict[int, Inquiry] = field(default_factory=dict)
    # Accepted here, not known as chosen: when to ask.
    unlearned: dict[str, int] = field(default_factory=dict)
    # What the caller has to do; taken by `PaxosNode.ready`. ``own``: this node's answers to itself.
    requests: list[Addressed] = field(default_factory=list)
    replies: list[Addressed] = field(default_factory=list)
    own: list[PaxosMessage] = field(default_factory=list)
    results: list[tuple[int, Outcome]] = field(default_factory=list)
    asked: int = 0

    @property
    def hard_state(self) -> HardState:
        acceptor = self.acceptor
        return HardState(self.ballots.reserved, acceptor.floor, acceptor.floor_version, acceptor.membership)

    def next_ballot(self) -> Ballot:
        """Never used before, under the present membership."""
        return self.ballots.next(self.quorum.membership.version)

    def answer(self, request: AcceptorRequest) -> PaxosMessage | None:
        """As an acceptor. What is accepted here should be heard of as chosen before long."""
        reply = self.acceptor.answer(request)
        if isinstance(request, Accept):
            self.expect(request.name)
        elif isinstance(request, Erase) and not isinstance(reply, Refusal):
            self.learner.forget(request.name, request.ballot)
            self.settle_unlearned(request.name)
        return reply

    def expect(self, name: str) -> None:
        if self.acceptor.accepted(name) > self.learner.ballot(name) and name not in self.unlearned:
            timeout_ms = self.config.learn_timeout_ms
            self.unlearned[name] = self.now_ms + self.randint(timeout_ms, 2 * timeout_ms)

    def expect_all(self) -> None:
        """After a start: what was accepted in earlier lives."""
        for name in self.acceptor.records:
            self.expect(name)

    def settle_unlearned(self, name: str) -> None:
        if self.acceptor.accepted(name) <= self.learner.ballot(name):
            self.unlearned.pop(name, None)

    def announce(self, name: str) -> None:
        self.requests += self.learner.owe(name)

    def ask(self, destinations: Iterable[str], request: AcceptorRequest) -> None:
        """Send a request; this node's own acceptor answers at once, and is heard when that is durable."""
        for destination in destinations:
            if destination == self.config.node:
                reply = self.answer(request)
                if reply is not None:
                    self.own.append(reply)
            else:
                self.requests.append((destination, request))

    def finish(self, asked: Asked, outcome: Outcome) -> None:
        if asked.context is not None:
            self.asked -= 1
            self.results.append((asked.context, outcome))
