"""The acceptor (S 2.2): what it promised, what it accepted, and what it therefore answers.

`prepare` and `accept` are the rules for one register, as pure functions. `Acceptor` keeps all registers of a node:

* A register without a record has promised `HardState.floor`. A record is only ever dropped by raising the floor to
  what it had promised, so no promise is forgotten, in bounded memory.
* A request under an older membership than this acceptor has seen is refused. So once a majority of the old voters has
  seen a joint membership, nobody who still counts by the old one can choose or read anything.
"""

from consensus.paxos.ballot import ZERO, Ballot
from consensus.paxos.errors import SafetyViolation
from consensus.paxos.messages import (
    Accept,
    Accepted,
    AcceptorRequest,
    Erase,
    HardState,
    ListNames,
    Names,
    Prepare,
    Promise,
    Query,
    QueryReply,
    Record,
    Refusal,
    Reply,
)


def prepare(record: Record, message: Prepare, floor_version: int = 0) -> tuple[Record, Reply]:
    """Phase 1b: promise ``message.ballot`` unless a higher one is promised. What was accepted stays as it is."""
    if message.ballot < record.promised:
        return record, Refusal(message.name, message.ballot, record.promised, 0)
    promise = Promise(message.name, message.ballot, record.accepted, record.value, floor_version)
    return Record(message.ballot, record.accepted, record.value), promise


def accept(record: Record, message: Accept) -> tuple[Record, Reply]:
    """Phase 2b: accept unless a higher ballot is promised; accepting promises, too. A repeated accept is confirmed."""
    if message.ballot == record.accepted:
        if message.value != record.value:
            raise SafetyViolation(f"two values at ballot {message.ballot} of {message.name}")
        return record, Accepted(message.name, message.ballot)
    if message.ballot < record.promised:
        return record, Refusal(message.name, message.ballot, record.promised, 0)
    promised = max(message.ballot, message.next)
    return Record(promised, message.ballot, message.value), Accepted(message.name, message.ballot)


class Acceptor:
    """``changed`` names the records that differ from what is durable; `PaxosNode.ready` takes it."""

    def __init__(self, hard_state: HardState, records: dict[str, Record]):
        self.floor = hard_state.floor
        self.floor_version = hard_state.floor_version
        self.membership = hard_state.membership
        self.records = records
        self.changed: dict[str, None] = {}
        self._idle = dict.fromkeys(name for name, record in records.items() if record.accepted == ZERO)

    def promised(self, name: str) -> Ballot:
        record = self.records.get(name)
        return self.floor if record is None else record.promised

    def accepted(self, name: str) -> Ballot:
        record = self.records.get(name)
        return ZERO if record is None else record.accepted

    def answer(self, message: AcceptorRequest) -> Reply | None:
        """Do what is asked; the answer may leave only when the change is durable."""
        if message.ballot.membership < self.membership:
            return Refusal(message.name, message.ballot, self.promised(message.name), self.membership)
        self.membership = message.ballot.membership
        record = self.records.get(message.name) or Record(self.floor)
        match message:
            case Prepare():
                after, reply = prepare(record, message, self.floor_version)
                self._store(message.name, record, after)
                return reply
            case Accept():
                after, reply = accept(record, message)
                self._store(message.name, record, after)
                return reply
            case Query():
                return QueryReply(message.name, message.ballot, record.accepted, record.value)
            case ListNames():
                return self._list(message)
            case Erase():
                self._erase(message)
                return None

    def forget_promises(self, limit: int) -> None:
        """Reads and refused changes of names that do not exist leave bare promises; drop them above ``limit``."""
        if len(self._idle) > limit:
            for name in list(self._idle):
                self._drop(name)

    def _store(self, name: str, before: Record, after: Record) -> None:
        if after == before:
            return
        if after.promised < before.promised or after.accepted < before.accepted or after.promised < after.accepted:
            raise SafetyViolation(f"{name}: {before} may not become {after}")
        self.records[name] = after
        self.changed[name] = None
        if after.accepted == ZERO:
            self._idle[name] = None
        else:
            self._idle.pop(name, None)

    def _drop(self, name: str) -> None:
        self.floor = max(self.floor, self.records.pop(name).promised)
        self.changed[name] = None
        self._idle.pop(name, None)

    def _erase(self, message: Erase) -> None:
        """Only exactly this tombstone: what was accepted since is another life of the register."""
        if message.ballot != ZERO and self.accepted(message.name) == message.ballot:
            self._drop(message.name)
            self.floor_version = max(self.floor_version, message.version)

    def _list(self, message: ListNames) -> Names:
        self.floor_version = max(self.floor_version, message.floor_version)
        later = sorted(name for name, record in self.records.items() if name > message.name and record.accepted != ZERO)
        page, more = tuple(later[: message.limit]), len(later) > message.limit
        return Names(message.name, message.ballot, page, more, self.floor_version)
