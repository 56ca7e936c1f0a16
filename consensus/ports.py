"""What the driver needs from the world, declared where it is consumed. Implementations: storage, transport, applier.

The *driver* (driver.py) is the only caller of `Storage`, `Transport` and `Applier`; the *applier* is the only caller
of `StateMachine`. The simulator brings its own implementations of the first three and shares everything else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from consensus.origin import Origin
from consensus.paxos.messages import HardState as RegisterHardState
from consensus.paxos.messages import Record
from consensus.paxos.register import Register
from consensus.raft.messages import Entry, HardState, Identity, Membership, Snapshot
from consensus.wire import PeerMessage, TablesDigest


class Command(msgspec.Struct, frozen=True, gc=False):
    """One committed command, as the state machine sees it.

    ``index`` is the Raft log index, which is the *revision* of everything the command changes: the same number on
    every node. ``payload`` is opaque to `consensus`; the state machine named in the settings encodes and decodes it.
    """

    index: int
    request_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class GroupChange:
    """Something that was changed about the group itself, for a state machine that keeps a trail. ``at`` is the
    proposer's time, "" where a node did it by itself."""

    index: int
    request_id: str
    action: str
    node: str
    actor: str
    at: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class ReplicatedTable:
    """One table that is the same on every node at the same revision: it goes into snapshots and digests.

    Where rows refer to something that each node numbers by itself, ``export`` is a query that says it by name, with
    ``columns`` as its result, and ``insert`` puts rows back from a table called ``{staging}``. ``restored`` is done
    when the rows have come with a snapshot and the log goes on at ``%(index)s``, above all that anybody has seen.
    """

    name: str
    columns: tuple[str, ...] = ()
    export: str = ""
    insert: str = ""
    restored: str = ""


class StateMachine(Protocol):
    """The only writer of the replicated tables (named by ``settings.CONSENSUS["state_machine"]``)."""

    tables: Sequence[ReplicatedTable]

    def apply(self, commands: Sequence[Command], group_changes: Sequence[GroupChange] = ()) -> list[bytes]:
        """Apply ``commands`` in order and return one result for each. ``group_changes`` are those of the same step;
        their indexes lie between those of the commands.

        Writes through `consensus.sql.write`, or calls `consensus.sql.begin` and then writes as it likes, on Django's
        default connection: all of a batch, its answers and the applied index become visible together, or none.
        Must be deterministic: no clock, no random, no outside read.
        A command that breaks a rule of the product is not an exception but a result that says so. Raises
        `consensus.errors.UnknownVersion` for a payload this release cannot read; the node then stops applying.
        """
        ...

    def reset(self) -> None:
        """Forget anything kept in memory: the last transaction was rolled back, or the tables were replaced."""
        ...


@dataclass(frozen=True, slots=True)
class StoredState:
    """What a node finds in its storage when it starts.

    ``snapshot`` is what the log begins with (index 0 while nothing was compacted; a membership without voters: this
    node knows of no group yet). ``terms`` holds (first index, term) runs of the log after it, ``memberships`` the
    (index, membership) of each MEMBERSHIP entry in it. ``diverged``: why the tables are not to be trusted, "" if they
    are.
    ``registers`` and ``records`` are what the node has promised and accepted about registers; before it has a group,
    about the decree that founds one. ``group_id`` is what was decreed; "" before, and in groups founded without.
    """

    hard_state: HardState
    epoch: int
    incarnation: str
    snapshot: Snapshot
    terms: tuple[tuple[int, int], ...]
    memberships: tuple[tuple[int, Membership], ...]
    last_index: int
    diverged: str = ""
    registers: RegisterHardState = field(default_factory=RegisterHardState)
    records: Mapping[str, Record] = field(default_factory=dict)
    group_id: str = ""


class Storage(Protocol):
    """Term, vote and log, durable. Every write is fenced by the epoch that `open` returned.

    ``incarnation`` names the stored promises themselves: other storage, other incarnation.
    """

    def open(self) -> StoredState:
        """Take the node's identity (lock, next epoch) and load what was promised. Raises `errors.Fenced`."""
        ...

    def save(self, hard_state: HardState, entries: Sequence[Entry]) -> None:
        """Make ``hard_state`` and ``entries`` durable together; stored entries from ``entries[0].index`` on are
        replaced. Returns only once it is durable. Raises `errors.Fenced` when the identity was lost."""
        ...

    def save_registers(
        self, hard_state: RegisterHardState | None, records: Sequence[tuple[str, Record | None]]
    ) -> None:
        """Make what changed durable together: all of it or nothing. A record of None is deleted, a hard state of None
        stays as it is. Returns only once it is durable. Raises `errors.Fenced` when the identity was lost."""
        ...

    def read(self, first: int, last: int) -> list[Entry]:
        """The stored entries ``first`` to ``last``, both included."""
        ...

    def found(self, membership: Membership, group_id: str) -> None:
        """The node belongs to a group from now on: the log, still empty, begins with ``membership``. What was promised
        and accepted about the decree is dropped: whoever has a group answers with that."""
        ...

    def compact(self, snapshot: Snapshot) -> None:
        """Drop the log up to ``snapshot.index``, durably, and keep ``snapshot`` in its place.

        Only once what the state machine had applied by then is as durable as the drop itself (P 7).
        """
        ...

    def install(self, snapshot: Snapshot, image: "ReceivedImage", keep_log: bool) -> None:
        """Replace the replicated tables by ``image`` and begin the log after ``snapshot``, in one durable step: all of
        it or nothing. ``keep_log``: entries after it agree with it and stay; otherwise the log ends there.

        What `mark_diverged` wrote is gone then."""
        ...

    def restore(self, snapshot: Snapshot, image: "ReceivedImage", index: int) -> None:
        """As `install`, but of an image of another group at ``index``: the tables are at ``snapshot.index`` then, the
        log is empty, and the members are those of ``snapshot``. Raises `errors.UnknownVersion` for what cannot be
        loaded; nothing was changed then."""
        ...

    def mark_diverged(self, reason: str) -> None:
        """Remember durably that the tables are not what they should be."""
        ...


class RegisterFunction(Protocol):
    """What a command makes of a register (named by ``settings.CONSENSUS["register_function"]``)."""

    def __call__(self, register: Register, command: bytes) -> bytes | None:
        """The next value; None deletes. The same on every node and whenever it is called: it may be called again.
        Raises `paxos.register.Conflict` where the register is not what the command requires."""
        ...


class Transport(Protocol):
    """Unreliable, unordered-at-worst delivery between the nodes of the group. Never blocks the caller."""

    def send(self, destination: str, messages: Sequence[PeerMessage]) -> None: ...

    def set_contacts(self, contacts: Mapping[str, Identity]) -> None:
        """Talk to exactly these from now on. Where an incarnation is known, others under that name are not heard."""
        ...

    def set_group_id(self, group_id: str) -> None:
        """What is sent says so from now on, and messages of another group are not heard. "": no group so far."""
        ...


class Image(Protocol):
    """A consistent image of the replicated tables, as bytes. ``digest`` is 32 bytes of BLAKE2b over all of it."""

    index: int
    size: int
    digest: bytes

    def read(self, offset: int, length: int) -> bytes: ...

    def close(self) -> None: ...


class ReceivedImage(Protocol):
    """An image on its way in: bytes are appended in order."""

    @property
    def size(self) -> int: ...

    def append(self, data: bytes) -> None: ...

    def digest(self) -> bytes: ...

    def close(self) -> None: ...


class Images(Protocol):
    """Makes and takes images, beside the node's thread."""

    def start(self) -> None:
        """Begin an image of the tables as they are now, unless one is being made."""
        ...

    def take(self) -> Image | None:
        """The image that was started last, once it is ready; None while it is not, or where making it failed."""
        ...

    @property
    def busy(self) -> bool:
        """Whether one is being made or waits to be taken."""
        ...

    def receive(self) -> ReceivedImage: ...


class Digests(Protocol):
    """Makes digests of the replicated tables, beside the node's thread."""

    def begin(self, index: int) -> None:
        """Begin the digest of the tables as they are now, at the applied index ``index``. What is applied after the
        return is not in it. There may be none, if the last one is still being made or something is in the way."""
        ...

    def take(self) -> TablesDigest | None:
        """A digest that was begun and is done, once."""
        ...


class Applier(Protocol):
    """Applies committed entries exactly once and says how far it got."""

    def applied_index(self) -> int: ...

    def node_state(self, node: str) -> tuple[str, int]:
        """(state, revision of its last change) of a node, as applied: active, draining or drained."""
        ...

    def apply(self, entries: Sequence[Entry]) -> Sequence["Outcome"]:
        """Apply consecutive entries in one transaction; the outcomes of the proposals among them, in order."""
        ...

    def reload(self) -> None:
        """The tables were replaced, or founded: forget what was remembered of them."""
        ...


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The answer to one applied proposal, which ``request_id`` and ``fingerprint`` name together.

    ``conflict``: the request id was used before for another command. ``index`` is that of the first application.
    """

    index: int
    request_id: str
    fingerprint: bytes
    result: bytes
    conflict: bool = False
