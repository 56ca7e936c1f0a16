"""The last things that happened, kept cheaply and told readably when something breaks."""

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from consensus.driver import Events
from consensus.raft.messages import AppendReply, AppendRequest, VoteReply, VoteRequest
from consensus.simulator.agenda import Agenda

if TYPE_CHECKING:
    from consensus.simulator.machine import Machine

LENGTH = 100


class Trace:
    """Keeps objects, not text: nothing is formatted unless it is wanted."""

    def __init__(self, agenda: Agenda):
        self._agenda = agenda
        self._last: deque[tuple] = deque(maxlen=LENGTH)

    def note(self, text: str) -> None:
        self._last.append((self._agenda.now_ms, text))

    def turn(self, machine: "Machine", events: Events) -> None:
        """``machine`` has taken ``events``."""
        node = machine.driver.node  # type: ignore[union-attr]
        state = (machine.name, node.role, node.term, node.commit_index, node.applied_index, node.last_index)
        self._last.append((self._agenda.now_ms, state, events))

    def lines(self) -> Iterator[str]:
        """One line for each thing that came to a node, under the state that its turn left it in."""
        for now_ms, what, *rest in self._last:
            if not rest:
                yield f"{now_ms:10.1f}  {what}"
                continue
            name, role, term, commit, applied, last = what
            yield f"{now_ms:10.1f}  {name} {role}: term {term}, commit {commit}, applied {applied}, last {last}"
            yield from (f"            {line}" for line in _told(rest[0]))


def _told(events: Events) -> Iterator[str]:
    if events.heartbeat_due:
        yield "tick: heartbeat"
    if events.election_due:
        yield "tick: election"
    for source, message in events.received:
        yield f"{source} > {describe(message)}"
    for request in events.requests:
        yield f"client > {type(request).__name__} {getattr(request, 'request_id', '')}"


def describe(message: object) -> str:
    """A message in one line, with entries as index@term."""
    match message:
        case AppendRequest():
            entries = " ".join(f"{entry.index}@{entry.term}" for entry in message.entries)
            return (
                f"append of term {message.term} after {message.prev_index}@{message.prev_term}, "
                f"commit {message.commit}, round {message.round}: {entries or 'empty'}"
            )
        case AppendReply(success=True):
            return f"term {message.term}: matches up to {message.match}, round {message.round}"
        case AppendReply():
            return f"term {message.term}: refuses {message.prev_index}, try {message.hint_index}@{message.hint_term}"
        case VoteRequest():
            kind = "pre-vote" if message.pre else "vote for transfer" if message.transfer else "vote"
            return f"{kind} of term {message.term}? last {message.last_index}@{message.last_term}"
        case VoteReply():
            kind = "pre-vote" if message.pre else "vote"
            return f"term {message.term}: {kind} {'granted' if message.granted else 'refused'}"
    return str(message)[:160]
