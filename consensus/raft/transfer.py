"""Handing leadership over (T 3.10).

The leader stops taking proposals, brings the target up to date, and tells it to start an election at once. After the
longest election timeout without success it gives up and takes proposals again.
"""

from consensus.raft import read_index
from consensus.raft.messages import TimeoutNow
from consensus.raft.state import Role, State


def start(state: State, to: str, now_ms: int) -> bool:
    """Begin; False when ``to`` cannot take over (no voter, or this node itself) or this node does not lead."""
    if state.role is not Role.LEADER or to not in state.progress or to not in state.quorum.everybody:
        return False
    state.transfer_to = to
    read_index.give_up_lease(state)
    state.transfer_deadline_ms = now_ms + state.config.election_timeout_max_ms
    advance(state)
    return True


def advance(state: State) -> None:
    """Send the word as soon as the target holds the whole log."""
    progress = state.progress.get(state.transfer_to)
    if progress is not None and progress.match == state.log.last_index:
        state.send(state.transfer_to, TimeoutNow(state.term))


def tick(state: State, now_ms: int) -> None:
    if state.transfer_to and now_ms >= state.transfer_deadline_ms:
        state.transfer_to = ""
