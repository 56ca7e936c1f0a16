"""Linearizable reads without log entries: ReadIndex (P 8, T 6.4).

A leader answers a read with its commit index, after a majority has answered an append that was *sent after* the read
was asked, in the same term, and never before it has committed an entry of its own term. All reads that wait when a
round starts share it, and one round runs at a time, so many reads cost few messages.

Lease reads (T 6.4.1), off by default, ask nobody: a majority that answered an append gives no vote for the minimum
election timeout after it came, so for that long after it was *sent* no other leader can have committed anything. That
trusts every node's monotonic clock to run at the right rate, to within ``max_clock_drift``, and all nodes to be set so.
A leader that hands over gives its lease up first, because a transfer's election does not wait for leases to end; and
for the rest of its term, because its word to the target may still be on the way when the transfer is given up.
"""

from consensus.raft import replication
from consensus.raft.state import NEVER_MS, Role, State


def request(state: State, context: int, now_ms: int) -> None:
    """Ask at the leader; the answer comes in ``read_results`` as (context, index), index None if leadership ended."""
    if now_ms < state.reads.lease_until_ms and _term_has_committed(state):
        state.read_results.append((context, state.commit))
    else:
        state.reads.waiting.append(context)


def _term_has_committed(state: State) -> bool:
    return state.log.term_at(state.commit) == state.term


def begin_lease_round(state: State, now_ms: int) -> None:
    """Heartbeats are about to be sent: once a majority has answered them, the lease runs from now."""
    if state.config.lease_reads and not state.reads.lease_given_up:
        state.reads.round += 1
        state.reads.sent_ms.append((state.reads.round, now_ms))


def give_up_lease(state: State) -> None:
    state.reads.lease_given_up = True
    state.reads.lease_until_ms = NEVER_MS
    state.reads.sent_ms.clear()


def flush(state: State) -> None:
    """Start a round for the reads that wait, if none is running and this term has committed something."""
    reads = state.reads
    if state.role is not Role.LEADER:
        return
    if not reads.confirming and reads.waiting and _term_has_committed(state):
        reads.confirming, reads.waiting = reads.waiting, []
        reads.index = state.commit
        reads.round += 1
        reads.confirming_round = reads.round
        replication.heartbeat(state)
    settle(state)


def settle(state: State) -> None:
    """Answer the running round's reads once a majority, this node included, has confirmed it."""
    reads = state.reads
    if reads.confirming and _confirmed(state, reads.confirming_round):
        state.read_results.extend((context, reads.index) for context in reads.confirming)
        reads.confirming = []
    while reads.sent_ms and _confirmed(state, reads.sent_ms[0][0]):
        _, sent_ms = reads.sent_ms.popleft()
        lease_ms = state.config.election_timeout_min_ms * (1 - state.config.max_clock_drift)
        reads.lease_until_ms = sent_ms + lease_ms


def _confirmed(state: State, round: int) -> bool:
    """Whether a majority, this node included, has answered this round or a later one."""
    answered = [peer for peer, progress in state.progress.items() if progress.acked_round >= round]
    return state.quorum.reached([state.config.node, *answered])


def abandon(state: State) -> None:
    """Leadership ended: nothing that waits may be answered from here."""
    reads = state.reads
    state.read_results.extend((context, None) for context in (*reads.confirming, *reads.waiting))
    reads.confirming, reads.waiting = [], []
    give_up_lease(state)
