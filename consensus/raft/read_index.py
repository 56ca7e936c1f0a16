"""Linearizable reads without log entries: ReadIndex (P 8, T 6.4).

A leader answers a read with its commit index, after a majority has answered an append that was *sent after* the read
was asked, in the same term, and never before it has committed an entry of its own term. All reads that wait when a
round starts share it, and one round runs at a time, so many reads cost few messages.
"""

from consensus.raft import replication
from consensus.raft.state import Role, State


def request(state: State, context: int) -> None:
    """Ask at the leader; the answer comes in ``read_results`` as (context, index), index None if leadership ended."""
    state.reads.waiting.append(context)


def flush(state: State) -> None:
    """Start a round for the reads that wait, if none is running and this term has committed something."""
    reads = state.reads
    if state.role is not Role.LEADER:
        return
    if not reads.confirming and reads.waiting and state.log.term_at(state.commit) == state.term:
        reads.confirming, reads.waiting = reads.waiting, []
        reads.index = state.commit
        reads.round += 1
        replication.heartbeat(state)
    settle(state)


def settle(state: State) -> None:
    """Answer the running round's reads once a majority, this node included, has confirmed it."""
    reads = state.reads
    if not reads.confirming:
        return
    confirmed = [peer for peer, progress in state.progress.items() if progress.acked_round >= reads.round]
    if state.quorum.reached([state.config.node, *confirmed]):
        state.read_results.extend((context, reads.index) for context in reads.confirming)
        reads.confirming = []


def abandon(state: State) -> None:
    """Leadership ended: nothing that waits may be answered from here."""
    reads = state.reads
    state.read_results.extend((context, None) for context in (*reads.confirming, *reads.waiting))
    reads.confirming, reads.waiting = [], []
