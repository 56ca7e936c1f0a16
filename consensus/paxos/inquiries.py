"""Questions that promise nothing: linearizable reads in one round trip, and lists of names.

**Why a read may be answered without a ballot.** All acceptors of a quorum report, after the read was asked, that the
highest ballot they accepted is b, with value v. Then v is chosen at b. Suppose w had been chosen at a ballot above b
before the read was asked. Then a quorum had accepted at that ballot, and one acceptor of it is in the read's quorum;
what an acceptor accepted last never goes back, so it would have reported a ballot above b. So v is what was chosen
last before the read was asked, or something chosen later: the read is linearizable. What is *promised* does not
matter: a promise alone changes no value. An acceptor that reports nothing counts as one value as well: it never
accepted anything or has erased a tombstone, and it does that only when every member holds that tombstone.

Where the acceptors do not agree, a write is under way or was broken off. Then the read becomes a full round, which
completes what it finds (`rounds`): to return it without that would let a later read return the older value again.
An answer counts for the question that it repeats; reads that come while a question is out wait for the next.
"""

from collections.abc import Iterable

from consensus.paxos import rounds
from consensus.paxos.ballot import ZERO
from consensus.paxos.messages import ListNames, Names, Query, QueryReply
from consensus.paxos.register import decode
from consensus.paxos.state import Inquiry, State
from consensus.paxos.work import Asked, Kind, Outcome, seen


def read(state: State, name: str, asked: Asked) -> None:
    inquiry = state.reads.get(name)
    if inquiry is None:
        _start_read(state, name, [asked])
    else:
        inquiry.later.append(asked)


def list_names(state: State, after: str, asked: Asked) -> None:
    """Names with something accepted, after ``after``, from a quorum: none that was chosen before can be missing.

    What was erased before is in no list. A quorum takes up the highest version that any of it knows of, so that new
    voters go on from there.
    """
    question = ListNames(after, state.next_ballot(), state.config.page_size, state.acceptor.floor_version)
    state.listings[question.ballot.round] = Inquiry(question, [asked])
    _send(state, state.listings[question.ballot.round])


def _start_read(state: State, name: str, asked: list[Asked]) -> None:
    state.reads[name] = Inquiry(Query(name, state.next_ballot()), asked)
    _send(state, state.reads[name])


def _send(state: State, inquiry: Inquiry) -> None:
    inquiry.wake_ms = state.now_ms + state.config.resend_ms
    acceptors = state.quorum.membership.acceptors
    state.ask([one for one in acceptors if one not in inquiry.replies], inquiry.question)


def on_query_reply(state: State, source: str, message: QueryReply) -> None:
    inquiry = state.reads.get(message.name)
    if inquiry is None or inquiry.question.ballot != message.ballot:
        return
    inquiry.replies.setdefault(source, message)
    _judge(state, inquiry)


def _judge(state: State, inquiry: Inquiry) -> None:
    replies = {source: reply for source, reply in inquiry.replies.items() if isinstance(reply, QueryReply)}
    silent = [one for one in state.quorum.membership.acceptors if one not in replies]
    may_still_agree = False
    for ballot in {reply.accepted: None for reply in replies.values()}:
        agreeing = [source for source, reply in replies.items() if reply.accepted == ballot]
        if state.quorum.reached(agreeing):
            _answer(state, inquiry, replies[agreeing[0]])
            return
        may_still_agree = may_still_agree or state.quorum.reached(agreeing + silent)
    if not may_still_agree:
        _fall_back(state, inquiry)
    elif state.quorum.reached(replies):
        inquiry.wake_ms = min(inquiry.wake_ms, state.now_ms + state.config.patience_ms)


def _answer(state: State, inquiry: Inquiry, reply: QueryReply) -> None:
    if reply.accepted != ZERO:
        rounds.learned(state, reply.name, reply.accepted, reply.value)
    outcome = seen(decode(reply.value) if reply.value else None, Kind.DONE)
    for asked in inquiry.asked:
        # This node asked about what it alone accepted: only a full round says what becomes of that.
        if asked.context is None and state.acceptor.accepted(reply.name) > reply.accepted:
            rounds.ask(state, reply.name, asked)
        state.finish(asked, outcome)
    _next(state, inquiry)


def _fall_back(state: State, inquiry: Inquiry) -> None:
    for asked in inquiry.asked:
        rounds.ask(state, inquiry.question.name, asked)
    _next(state, inquiry)


def _next(state: State, inquiry: Inquiry) -> None:
    name = inquiry.question.name
    del state.reads[name]
    if inquiry.later:
        _start_read(state, name, inquiry.later)


def on_names(state: State, source: str, message: Names) -> None:
    inquiry = state.listings.get(message.ballot.round)
    if inquiry is None or inquiry.question.ballot != message.ballot or not isinstance(inquiry.question, ListNames):
        return
    inquiry.replies.setdefault(source, message)
    if not state.quorum.reached(inquiry.replies):
        return
    del state.listings[message.ballot.round]
    pages = [reply for reply in inquiry.replies.values() if isinstance(reply, Names)]
    floor_version = max(page.floor_version for page in pages)
    state.acceptor.floor_version = max(state.acceptor.floor_version, floor_version)
    for asked in inquiry.asked:
        if floor_version > inquiry.question.floor_version:
            list_names(state, inquiry.question.name, asked)
        else:
            state.finish(asked, _merge(pages))


def _merge(pages: Iterable[Names]) -> Outcome:
    """All names up to where the first page that was cut off ends."""
    pages = list(pages)
    ends = [page.names[-1] for page in pages if page.more]
    names = sorted({name for page in pages for name in page.names if not ends or name <= min(ends)})
    return Outcome(Kind.DONE, names=tuple(names), more=bool(ends))


def restart(state: State) -> None:
    """The membership is another: ask anew, under its version."""
    reads, state.reads = state.reads, {}
    for name, inquiry in reads.items():
        _start_read(state, name, inquiry.asked + inquiry.later)
    listings, state.listings = state.listings, {}
    for inquiry in listings.values():
        for asked in inquiry.asked:
            list_names(state, inquiry.question.name, asked)


def tick(state: State) -> None:
    for inquiry in [*state.reads.values(), *state.listings.values()]:
        _expire(state, inquiry)
        if inquiry.wake_ms > state.now_ms or not inquiry.asked:
            continue
        if isinstance(inquiry.question, Query) and state.quorum.reached(inquiry.replies):
            _fall_back(state, inquiry)
        else:
            _send(state, inquiry)
    for key in [key for key, inquiry in state.listings.items() if not inquiry.asked]:
        del state.listings[key]
    for inquiry in [inquiry for inquiry in state.reads.values() if not inquiry.asked]:
        _next(state, inquiry)


def _expire(state: State, inquiry: Inquiry) -> None:
    for asked in [asked for asked in inquiry.asked + inquiry.later if asked.deadline_ms <= state.now_ms]:
        state.finish(asked, Outcome(Kind.UNAVAILABLE))
        (inquiry.asked if asked in inquiry.asked else inquiry.later).remove(asked)
