"""Every interleaving of single-decree Paxos, within a bound: three acceptors, two proposers, some attempts each.

The production rules (`consensus.paxos.acceptor`, `consensus.paxos.proposer`) are run on frozen values, so a state of
the whole group is a value, too. Messages that were sent stay deliverable for ever: that covers loss (never delivered),
delay, doubling and reordering. A proposer may give its attempt up at any time and begin the next, as after a crash or
a time-out. Acceptors are alike, so states that differ only in who is who count once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

from consensus.paxos import acceptor, proposer
from consensus.paxos.ballot import Ballot
from consensus.paxos.messages import Accept, Accepted, Prepare, Promise, Record
from consensus.paxos.proposer import Attempt, Phase
from consensus.paxos.quorum import Membership, Quorum
from consensus.simulator.ledger import Violation

ACCEPTORS = ("a0", "a1", "a2")
NAME = "decree"
QUORUM = Quorum(Membership(1, ACCEPTORS))


@dataclass(frozen=True, slots=True)
class Group:
    """``records`` and ``answers`` by acceptor; ``asked``: what proposers sent to all; ``attempts`` by proposer."""

    records: tuple[Record, ...]
    answers: tuple[frozenset[Promise | Accepted], ...]
    asked: frozenset[Prepare | Accept]
    attempts: tuple[Attempt | None, ...]
    begun: tuple[int, ...]


@dataclass(slots=True)
class Explorer:
    """``rounds[p]``: the rounds of the attempts of proposer p, in their order. ``majority``: how many acceptors the
    *checker* takes for a majority. ``states`` counts what was visited, ``outcomes`` the values that were chosen."""

    rounds: tuple[tuple[int, ...], ...]
    majority: int = 2
    states: int = 0
    outcomes: set[bytes] | None = None

    def run(self) -> None:
        """Visit everything that can be reached. Raises `Violation` with the steps that lead to it."""
        self.outcomes = set()
        start = Group(
            tuple(Record() for _ in ACCEPTORS),
            tuple(frozenset() for _ in ACCEPTORS),
            frozenset(),
            tuple(None for _ in self.rounds),
            tuple(0 for _ in self.rounds),
        )
        seen = {self._key(start)}
        stack: list[tuple[Group, tuple[str, ...]]] = [(start, ())]
        while stack:
            group, path = stack.pop()
            self.states += 1
            self._check(group, path)
            for step, after in self._steps(group):
                after = _without_idle_promises(after)
                key = self._key(after)
                if key not in seen:
                    seen.add(key)
                    stack.append((after, (*path, step)))

    def _check(self, group: Group, path: tuple[str, ...]) -> None:
        chosen = set()
        for request in group.asked:
            if isinstance(request, Accept):
                accepted = Accepted(NAME, request.ballot)
                if sum(accepted in answers for answers in group.answers) >= self.majority:
                    chosen.add(request.value)
        if len(chosen) > 1:
            raise Violation(f"two values are chosen: {sorted(chosen)}\n" + "\n".join(path))
        self.outcomes = (self.outcomes or set()) | chosen

    def _steps(self, group: Group) -> Iterator[tuple[str, Group]]:
        for p, rounds in enumerate(self.rounds):
            if group.begun[p] < len(rounds):
                yield self._begin(group, p, Ballot(1, rounds[group.begun[p]], f"p{p}"))
            attempt = group.attempts[p]
            if attempt is not None and attempt.phase is Phase.PREPARING:
                yield from self._proposals(group, p, attempt)
        for a, record in enumerate(group.records):
            for request in group.asked:
                if isinstance(request, Prepare):
                    after, reply = acceptor.prepare(record, request)
                else:
                    after, reply = acceptor.accept(record, request)
                if isinstance(reply, Promise | Accepted) and (after != record or reply not in group.answers[a]):
                    records = _replaced(group.records, a, after)
                    answers = _replaced(group.answers, a, group.answers[a] | {reply})
                    step = f"{ACCEPTORS[a]} answers {type(request).__name__} {request.ballot}"
                    yield step, Group(records, answers, group.asked, group.attempts, group.begun)

    def _begin(self, group: Group, p: int, ballot: Ballot) -> tuple[str, Group]:
        asked = group.asked | {Prepare(NAME, ballot)}
        attempts = _replaced(group.attempts, p, Attempt(ballot))
        begun = _replaced(group.begun, p, group.begun[p] + 1)
        return f"p{p} prepares {ballot}", Group(group.records, group.answers, asked, attempts, begun)

    def _proposals(self, group: Group, p: int, attempt: Attempt) -> Iterator[tuple[str, Group]]:
        """The proposer has heard some majority of those that promised: no matter when, the rest comes too late."""
        promises = [
            (ACCEPTORS[a], answer)
            for a, answers in enumerate(group.answers)
            for answer in answers
            if isinstance(answer, Promise) and answer.ballot == attempt.ballot
        ]
        outcomes: dict[bytes, tuple[str, Attempt]] = {}
        for heard in permutations(promises, 2):
            after = attempt
            for source, promise in heard:
                after = proposer.on_promise(after, source, promise)
            if QUORUM.reached(after.promised):
                value = proposer.decree(after, f"value of p{p}".encode())
                step = f"p{p} hears {[source for source, _ in heard]} at {after.ballot} and proposes {value.decode()}"
                outcomes.setdefault(value, (step, proposer.propose(Attempt(after.ballot), value)))
        for value, (step, after) in outcomes.items():
            asked = group.asked | {Accept(NAME, after.ballot, value)}
            attempts = _replaced(group.attempts, p, after)
            yield step, Group(group.records, group.answers, asked, attempts, group.begun)

    def _key(self, group: Group) -> tuple[object, ...]:
        """The same for all groups that differ only in the names of acceptors."""
        acceptors = sorted(zip(map(hash, group.records), map(hash, group.answers), strict=True))
        return tuple(acceptors), group.attempts, group.asked, group.begun


def _without_idle_promises(group: Group) -> Group:
    """Promises that no proposer waits for any more change nothing; without them many states are the same."""
    waiting = {a.ballot for a in group.attempts if a is not None and a.phase is Phase.PREPARING}
    if all(isinstance(answer, Accepted) or answer.ballot in waiting for answers in group.answers for answer in answers):
        return group
    answers = tuple(
        frozenset(answer for answer in answers if isinstance(answer, Accepted) or answer.ballot in waiting)
        for answers in group.answers
    )
    return replace(group, answers=answers)


def _replaced(items: tuple[Any, ...], at: int, item: Any) -> tuple[Any, ...]:
    return (*items[:at], item, *items[at + 1 :])
