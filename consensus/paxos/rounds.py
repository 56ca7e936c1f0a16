"""Work on one register: ballots, back-off, and the promise that saves a round trip (C 2.2, 2.2.1, 3.1).

A round takes what waits, gathers a quorum of promises, folds the requests into one value, and has a quorum accept it.
The accept carries the proposer's next ballot, which whoever accepts promises as well: a proposer that nobody disturbs
needs one round trip from then on. That promise (a *lease* here; no clock is in it) is lost with any refusal.

* A proposer that was refused waits a random time, longer with each failure, and comes back above what refused it, so
  that duelling proposers end.
* Requests whose accept failed go to the front of the next ballot. Their ids, in the register's state, keep them from
  being applied twice. An outcome is told only when its ballot is chosen, a conflict's too: until then an earlier
  accept of the same change might still be taken up by somebody else.
* Erasing asks every member, and gives way to anything else that is asked.
"""

from consensus.paxos import proposer
from consensus.paxos.ballot import ZERO, Ballot
from consensus.paxos.messages import Accept, Accepted, Erase, Prepare, Promise, Refusal
from consensus.paxos.proposer import Attempt, Phase
from consensus.paxos.register import Change, Register, decode, encode
from consensus.paxos.state import Round, State
from consensus.paxos.work import Asked, EraseTombstone, Kind, Outcome, fold

MAX_BACKOFF_DOUBLINGS = 6


def ask(state: State, name: str, asked: Asked) -> None:
    """Begin, or let it go into the next ballot."""
    round = state.rounds.setdefault(name, Round(name))
    round.waiting.append(asked)
    if round.erasing:
        _give_up_erasing(state, round)
    if round.attempt is None and round.failures == 0:
        _start(state, round)


def _start(state: State, round: Round) -> None:
    round.erasing = isinstance(round.waiting[0].work, EraseTombstone)
    if round.erasing and len(round.waiting) > 1:
        round.waiting.append(round.waiting.pop(0))
        round.erasing = isinstance(round.waiting[0].work, EraseTombstone)
    lease = state.leases.pop(round.name, None)
    if lease is not None and not round.erasing and state.acceptor.promised(round.name) <= lease.ballot:
        round.attempt = lease
        _propose(state, round, lease)
        return
    round.attempt = Attempt(state.next_ballot())
    _send(state, round)


def _asked_of(state: State, round: Round) -> tuple[str, ...]:
    membership = state.quorum.membership
    return membership.members if round.erasing else membership.acceptors


def _enough(state: State, round: Round, agreeing: frozenset[str]) -> bool:
    quorum = state.quorum
    return quorum.reached(agreeing) and (not round.erasing or quorum.everybody(agreeing))


def _send(state: State, round: Round) -> None:
    """Ask, or ask again, whoever has not answered."""
    attempt = round.attempt
    assert attempt is not None
    destinations = [one for one in _asked_of(state, round) if one not in attempt.answered]
    round.wake_ms = state.now_ms + state.config.resend_ms
    if attempt.phase is Phase.PREPARING:
        state.ask(destinations, Prepare(round.name, attempt.ballot))
    else:
        state.ask(destinations, Accept(round.name, attempt.ballot, attempt.value, attempt.next))


def on_promise(state: State, source: str, message: Promise) -> None:
    round = state.rounds.get(message.name)
    if round is None or round.attempt is None or source not in _asked_of(state, round):
        return
    attempt = round.attempt = proposer.on_promise(round.attempt, source, message)
    if attempt.phase is Phase.PREPARING and _enough(state, round, attempt.promised):
        _propose(state, round, attempt)


def _propose(state: State, round: Round, attempt: Attempt) -> None:
    """A quorum has promised: make the value of what waits now, and send it."""
    batch = _take(state, round)
    folded = fold(attempt.found, attempt.floor_version, batch, state.config.max_value_bytes)
    round.deciding, round.outcomes = batch, folded.outcomes
    if not folded.value and not any(isinstance(asked.work, Change) for asked in batch):
        # Nothing was chosen below this ballot, and nothing is asked to be: that is the outcome.
        state.learner.forget(round.name, attempt.ballot)
        _settle(state, round)
        _end(state, round)
        return
    if round.erasing and folded.outcomes[0].kind is not Kind.DONE:
        _settle(state, round)
        _end(state, round)
        return
    for asked, applied in zip(batch, folded.applied, strict=True):
        if applied:
            sent = asked.sent_version
            asked.sent_version = folded.version if sent is None else min(sent, folded.version)
    goes_on = any(isinstance(asked.work, Change) for asked in batch)
    next_ballot = state.next_ballot() if goes_on else ZERO
    # Nothing to propose, but an accept of an earlier asking may be alive somewhere: have "nothing" chosen above it.
    value = folded.value or encode(Register(folded.version))
    round.attempt = proposer.propose(attempt, value, next_ballot)
    _send(state, round)


def _take(state: State, round: Round) -> list[Asked]:
    """The requests for this ballot, in the order in which they came."""
    if round.erasing:
        return [round.waiting.pop(0)]
    size = 0
    for asked in round.waiting[: state.config.max_batch]:
        if isinstance(asked.work, EraseTombstone):
            break
        size += 1
    batch, round.waiting = round.waiting[:size], round.waiting[size:]
    return batch


def on_accepted(state: State, source: str, message: Accepted) -> None:
    round = state.rounds.get(message.name)
    if round is None or round.attempt is None or source not in _asked_of(state, round):
        return
    attempt = round.attempt = proposer.on_accepted(round.attempt, source, message)
    if attempt.phase is Phase.ACCEPTING and _enough(state, round, attempt.accepted):
        _chosen(state, round, attempt)


def _chosen(state: State, round: Round, attempt: Attempt) -> None:
    name = round.name
    if round.erasing:
        _erase(state, name, attempt)
    else:
        learned(state, name, attempt.ballot, attempt.value)
    if attempt.next != ZERO:
        state.leases[name] = Attempt(
            attempt.next, promised=attempt.accepted, highest=attempt.ballot, found=attempt.value
        )
        if len(state.leases) > state.config.max_leases:
            del state.leases[next(iter(state.leases))]
    _settle(state, round)
    _end(state, round)


def _erase(state: State, name: str, attempt: Attempt) -> None:
    """Every member holds the tombstone, so that no older value is left anywhere: all may forget it."""
    tombstone = decode(attempt.value)
    assert isinstance(tombstone, Register) and tombstone.value is None
    request = Erase(name, attempt.ballot, tombstone.version)
    state.ask(state.quorum.membership.members, request)


def learned(state: State, name: str, ballot: Ballot, value: bytes) -> None:
    """This node found out that ``value`` was chosen: it tells the others."""
    if state.learner.learn(name, ballot, value):
        state.announce(name)
    state.settle_unlearned(name)


def on_refusal(state: State, source: str, message: Refusal) -> None:
    state.ballots.observe(message.promised)
    round = state.rounds.get(message.name)
    if round is None or round.attempt is None:
        return
    attempt = round.attempt = proposer.on_refusal(round.attempt, source, message)
    if source not in attempt.refused:
        return
    if round.erasing or state.quorum.lost(attempt.refused):
        _fail(state, round)
    else:
        round.wake_ms = min(round.wake_ms, state.now_ms + state.config.patience_ms)


def _settle(state: State, round: Round) -> None:
    """The ballot's outcomes are certain."""
    for asked, outcome in zip(round.deciding, round.outcomes, strict=True):
        state.finish(asked, outcome)
    round.deciding, round.outcomes, round.attempt = [], (), None


def _end(state: State, round: Round) -> None:
    round.failures = 0
    round.erasing = False
    if round.waiting:
        _start(state, round)
    else:
        del state.rounds[round.name]


def _fail(state: State, round: Round) -> None:
    """Back off; what was to be decided comes first in the next ballot."""
    if round.erasing:
        _give_up_erasing(state, round)
        _end(state, round)
        return
    _requeue(round)
    round.failures += 1
    longest_ms = state.config.backoff_ms << min(round.failures - 1, MAX_BACKOFF_DOUBLINGS)
    round.wake_ms = state.now_ms + state.randint(0, longest_ms)


def _requeue(round: Round) -> None:
    round.waiting = round.deciding + round.waiting
    round.deciding, round.outcomes, round.attempt = [], (), None


def _give_up_erasing(state: State, round: Round) -> None:
    """Somebody is away, or something else is asked: the tombstone stays, which harms nobody."""
    _requeue(round)
    state.finish(round.waiting.pop(0), Outcome(Kind.UNAVAILABLE))
    round.erasing = False


def restart(state: State) -> None:
    """The membership is another: promises under the old one are worth nothing."""
    state.leases.clear()
    for round in list(state.rounds.values()):
        if round.erasing:
            _give_up_erasing(state, round)
        else:
            _requeue(round)
        _end(state, round)


def tick(state: State) -> None:
    """Look at the clock: give up what is too late, ask again what was not answered, end back-offs."""
    for round in list(state.rounds.values()):
        _expire(state, round)
        if not round.waiting and not round.deciding and round.attempt is not None:
            round.attempt = None
        if not round.waiting and round.attempt is None:
            del state.rounds[round.name]
        elif round.wake_ms > state.now_ms:
            continue
        elif round.attempt is None:
            _start(state, round)
        elif round.erasing or round.attempt.refused:
            _fail(state, round)
        else:
            _send(state, round)


def _expire(state: State, round: Round) -> None:
    late = [asked for asked in round.waiting + round.deciding if asked.deadline_ms <= state.now_ms]
    if not late:
        return
    for asked in late:
        # An accept that carried it may still be taken up by anybody: not done is more than anybody knows.
        kind = Kind.UNAVAILABLE if asked.sent_version is None else Kind.UNKNOWN
        state.finish(asked, Outcome(kind))
    kept = [
        (asked, outcome) for asked, outcome in zip(round.deciding, round.outcomes, strict=True) if asked not in late
    ]
    round.waiting = [asked for asked in round.waiting if asked not in late]
    round.deciding = [asked for asked, _ in kept]
    round.outcomes = tuple(outcome for _, outcome in kept)
