"""Mistakes of textbook sample code for Paxos, each as a patch that plants it; `docs/paxos.md` tells them one by one."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as replaced

from consensus.paxos import acceptor, proposer
from consensus.paxos.acceptor import Acceptor
from consensus.paxos.ballot import ZERO, Ballot, Ballots
from consensus.paxos.messages import Accepted, Promise, Record, Refusal
from consensus.paxos.node import PaxosNode
from consensus.paxos.quorum import Quorum
from consensus.simulator.paxos.machine import Machine


def one_number_for_promised_and_accepted(patch: pytest.MonkeyPatch) -> None:
    """A promise overwrites the ballot of what was accepted: an old value looks new."""
    prepare = acceptor.prepare

    def merged(record, message, floor_version=0):
        after, reply = prepare(record, message, floor_version)
        if isinstance(reply, Promise) and record.accepted != ZERO:
            after = Record(message.ballot, message.ballot, record.value)
        return after, reply

    patch.setattr(acceptor, "prepare", merged)


def ballots_that_two_proposers_share(patch: pytest.MonkeyPatch) -> None:
    """A bare counter, without the node in it."""
    next_ballot = Ballots.next
    patch.setattr(Ballots, "next", lambda self, membership: replaced(next_ballot(self, membership), node=""))


def ballots_reused_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    """The round is kept in memory only."""

    def forgetful(self, name, reserved, block=1000):
        self._node, self._block, self._last, self.reserved = name, block, 0, max(reserved, 1 << 40)

    patch.setattr(Ballots, "__init__", forgetful)


def a_value_not_adopted(patch: pytest.MonkeyPatch) -> None:
    """The proposer insists on its own value, whatever the promises say."""
    on_promise = proposer.on_promise

    def deaf(attempt, source, message):
        return on_promise(attempt, source, replaced(message, accepted=ZERO, value=b""))

    patch.setattr(proposer, "on_promise", deaf)


def the_last_promise_is_adopted(patch: pytest.MonkeyPatch) -> None:
    """Not that of the highest accepted ballot, but whatever came last."""
    on_promise = proposer.on_promise

    def latest(attempt, source, message):
        if message.accepted != ZERO and message.ballot == attempt.ballot:
            attempt = replace(attempt, highest=ZERO)
        return on_promise(attempt, source, message)

    patch.setattr(proposer, "on_promise", latest)


def majority_counted_by_messages(patch: pytest.MonkeyPatch) -> None:
    """A doubled answer counts twice."""
    counts: dict[tuple[str, Ballot, str], int] = {}

    def numbered(of):
        def counting(attempt, source, message):
            key = (source, message.ballot, type(message).__name__)
            counts[key] = counts.get(key, 0) + 1
            return of(attempt, source if counts[key] == 1 else f"{source} again", message)

        return counting

    reached = Quorum.reached

    def by_number(self, agreeing):
        agreeing = list(agreeing)
        return reached(self, agreeing) or len(agreeing) >= len(self.membership.acceptors) // 2 + 1

    patch.setattr(proposer, "on_accepted", numbered(proposer.on_accepted))
    patch.setattr(proposer, "on_promise", numbered(proposer.on_promise))
    patch.setattr(Quorum, "reached", by_number)


def answers_to_older_ballots_count(patch: pytest.MonkeyPatch) -> None:
    """An answer is taken for the question that is out now."""

    def undated(of):
        return lambda attempt, source, message: of(attempt, source, replaced(message, ballot=attempt.ballot))

    patch.setattr(proposer, "on_promise", undated(proposer.on_promise))
    patch.setattr(proposer, "on_accepted", undated(proposer.on_accepted))


def accepted_below_the_promise(patch: pytest.MonkeyPatch) -> None:
    """The acceptor looks at what it accepted, not at what it promised."""
    accept = acceptor.accept

    def eager(record, message):
        after, reply = accept(Record(record.accepted, record.accepted, record.value), message)
        return Record(max(record.promised, after.promised), after.accepted, after.value), reply

    patch.setattr(acceptor, "accept", eager)


def unchecked_store(self, name, before, after):
    """As `Acceptor._store` without its own look at promises."""
    if after != before:
        self.records[name] = after
        self.changed[name] = None


def accepting_does_not_promise(patch: pytest.MonkeyPatch) -> None:
    """After an accept above the promise, an older accept still gets in."""

    def careless(record, message):
        if message.ballot < record.promised:
            return record, Refusal(message.name, message.ballot, record.promised, 0)
        return Record(record.promised, message.ballot, message.value), Accepted(message.name, message.ballot)

    patch.setattr(acceptor, "accept", careless)
    patch.setattr(Acceptor, "_store", unchecked_store)


def state_in_memory_only(patch: pytest.MonkeyPatch) -> None:
    """A restarted acceptor knows nothing."""
    start = Machine.start

    def empty(self):
        self.disk.records = {}
        start(self)

    patch.setattr(Machine, "start", empty)


def answered_before_it_is_durable(patch: pytest.MonkeyPatch) -> None:
    """Replies leave with the questions; the disk may still fail."""
    ready = PaxosNode.ready

    def hasty(self):
        before = ready(self)
        return replace(before, early=[*before.early, *before.late], late=[])

    patch.setattr(PaxosNode, "ready", hasty)
