"""Driving `RaftNode`s by hand: one node with chosen messages, or a few that talk through a list."""

from collections.abc import Sequence

from consensus.raft.log import Log
from consensus.raft.messages import (
    AppendReply,
    AppendRequest,
    Entry,
    EntryKind,
    HardState,
    Membership,
    Snapshot,
    VoteReply,
    VoteRequest,
)
from consensus.raft.node import RaftConfig, RaftNode, Role
from consensus.simulator.disk import Disk


def entries(*terms: int, first: int = 1) -> list[Entry]:
    """A log given by the terms of its entries, as the paper's figures draw it."""
    return [Entry(first + i, term, EntryKind.COMMAND, f"{first + i}@{term}".encode()) for i, term in enumerate(terms)]


NEW = HardState()


class Driven:
    """One node with a disk. ``step`` and friends do what the driver does and return what was sent."""

    def __init__(
        self,
        name: str = "S",
        voters: Sequence[str] = ("S", "A", "B"),
        hard: HardState = NEW,
        log=(),
        membership: Membership | None = None,
        **config,
    ):
        self.name = name
        self.membership = membership or Membership(tuple(voters))
        self.disk = Disk()
        self.disk.hard_state = hard
        self.disk.snapshot = Snapshot(0, 0, self.membership)
        self.disk.entries = list(log)
        self.config = RaftConfig(name, **config)
        self.now = 0
        self.applied: list[Entry] = []
        self.reads: list[tuple[int, int | None]] = []
        self.boot()

    def boot(self) -> None:
        stored = self.disk.open()
        snapshot = stored.snapshot
        log = Log(self.disk.session(), stored.terms, stored.last_index, (snapshot.index, snapshot.term))
        memberships = [(snapshot.index, snapshot.membership), *stored.memberships]
        self.node = RaftNode(
            self.config, stored.hard_state, log, memberships, snapshot.index, lambda low, high: low, self.now
        )
        self.applied = []

    @property
    def log(self) -> list[int]:
        """The terms of the durable log."""
        return [entry.term for entry in self.disk.entries]

    def settle(self, save: bool = True) -> list[tuple[str, object]]:
        """Work `Ready` off; with ``save`` False, as a disk that hangs: only what may leave before it leaves."""
        sent: list[tuple[str, object]] = []
        while ready := self.node.ready():
            sent += ready.early
            if not save:
                return sent
            if ready.hard_state or ready.entries:
                self.disk.save(self.node.hard_state, ready.entries)
                self.node.saved(ready)
            sent += ready.late
            self.reads += ready.reads
            if ready.committed:
                self.applied += ready.committed
                self.node.applied(ready.committed[-1].index)
        return sent

    def step(self, source: str, message) -> list[tuple[str, object]]:
        self.node.step(source, message, self.now)
        return self.settle()

    def pass_time(self, ms: int) -> list[tuple[str, object]]:
        self.now += ms
        self.node.tick_election(self.now)
        return self.settle()

    def campaign(self) -> list[tuple[str, object]]:
        """Let the election timeout pass: a pre-vote goes out."""
        return self.pass_time(self.config.election_timeout_max_ms)

    def win(self) -> list[tuple[str, object]]:
        """Become leader with everybody's consent; returns what a new leader sends."""
        self.campaign()
        others = [voter for voter in self.node.membership.voters if voter != self.name]
        sent: list[tuple[str, object]] = []
        for other in others:
            if self.node.role is Role.PRE_CANDIDATE:
                sent = self.step(other, VoteReply(self.node.term + 1, True, pre=True))
        for other in others:
            if self.node.role is Role.CANDIDATE:
                sent = self.step(other, VoteReply(self.node.term, True))
        assert self.node.role is Role.LEADER
        return sent

    def propose(self, *data: bytes) -> list[tuple[str, object]]:
        self.node.propose([(EntryKind.COMMAND, one) for one in data])
        return self.settle()


def appends(sent) -> dict[str, AppendRequest]:
    """The last append to each peer."""
    return {peer: message for peer, message in sent if isinstance(message, AppendRequest)}


def only(sent):
    """The only message of a list."""
    assert len(sent) == 1, sent
    return sent[0][1]


def acknowledge(driven: Driven, peer: str, match: int | None = None, round: int = 0):
    """``peer`` says that it holds the leader's log up to ``match`` (default: all of it)."""
    match = driven.node.last_index if match is None else match
    return driven.step(peer, AppendReply(driven.node.term, True, match, 0, round))


def append(term: int, prev: tuple[int, int], commit: int = 0, new: Sequence[Entry] = (), round: int = 0):
    return AppendRequest(term, prev[0], prev[1], commit, round, tuple(new))


def ask_vote(term: int, last: tuple[int, int] = (0, 0), pre: bool = False, transfer: bool = False) -> VoteRequest:
    """``last`` is (index, term) of the candidate's last entry."""
    return VoteRequest(term, last[0], last[1], pre, transfer)


class Network:
    """Nodes that hear each other until ``cut``."""

    def __init__(self, *nodes: Driven):
        self.nodes = {node.name: node for node in nodes}
        self.cut: set[str] = set()

    def deliver(self, source: str, sent) -> None:
        """Pass on what ``source`` sent, and the answers, until nobody has anything to say."""
        waiting = [(source, destination, message) for destination, message in sent]
        while waiting:
            origin, destination, message = waiting.pop(0)
            if origin in self.cut or destination in self.cut or destination not in self.nodes:
                continue
            answers = self.nodes[destination].step(origin, message)
            waiting += [(destination, to, answer) for to, answer in answers]

    def elect(self, name: str) -> Driven:
        node = self.nodes[name]
        self.deliver(name, node.campaign())
        return node

    def heartbeat(self, name: str) -> None:
        node = self.nodes[name]
        node.node.tick_heartbeat(node.now)
        self.deliver(name, node.settle())
