"""Terms and votes (P 5.1, 5.2, 5.4.1), with PreVote (T 9.6) and CheckQuorum (T 6.2).

* A node grants one vote a term, to a log at least as up to date as its own; the caller makes it durable before the
  reply leaves.
* Before it raises its term a node asks whether a majority would vote for it. So a node that was cut off returns with
  the term it had, and deposes nobody.
* While it has heard from a leader within the minimum election timeout, a node refuses votes and pre-votes, unless
  that leader itself asked for the election.
* A leader that has not heard from a majority for the longest election timeout steps down.
* A node that knows of no group (its log is empty, nobody has told it) gives no vote: it may have forgotten one.
"""

from consensus.raft import read_index, replication
from consensus.raft.messages import VoteReply, VoteRequest
from consensus.raft.progress import Progress
from consensus.raft.state import Role, State

LAST_RESORT_TIMEOUTS = 5


def become_follower(state: State, term: int, leader: str = "") -> None:
    """Follow ``leader`` ("" while unknown) in ``term``, which is never below the current one (P 5.1)."""
    if term > state.term:
        state.term = term
        state.vote = ""
    state.role = Role.FOLLOWER
    state.leader = leader
    state.transfer_to = ""
    state.progress.clear()
    state.uncommitted.clear()
    state.uncommitted_bytes = 0
    read_index.abandon(state)


def tick(state: State, now_ms: int) -> None:
    """Look at the clock: start an election when the leader is silent, step down when the majority is."""
    if state.role is Role.LEADER:
        _check_quorum(state, now_ms)
    elif now_ms >= state.election_deadline_ms and (state.promotable or _is_needed(state, now_ms)):
        campaign(state, now_ms, pre=True)


def _is_needed(state: State, now_ms: int) -> bool:
    """Whether a voter that is not to lead has to: without a leader nobody can undo that, and its log may be the
    longest, so that it cannot vote for anybody else. It hands leadership over as soon as that can be."""
    silent_ms = now_ms - max(state.heard_ms, state.began_ms)
    return state.counts and silent_ms > LAST_RESORT_TIMEOUTS * state.config.election_timeout_max_ms


def _check_quorum(state: State, now_ms: int) -> None:
    oldest = now_ms - state.config.election_timeout_max_ms
    heard = [peer for peer, progress in state.progress.items() if progress.heard_ms >= oldest]
    if not state.quorum.reached([state.config.node, *heard]):
        become_follower(state, state.term)
        state.reset_election_timer(now_ms)


def campaign(state: State, now_ms: int, pre: bool, transfer: bool = False) -> None:
    """Ask for votes, or first whether it is worth asking (``pre``)."""
    become_follower(state, state.term)
    state.reset_election_timer(now_ms)
    state.grants = {state.config.node}
    state.refusals = set()
    if pre:
        state.role = Role.PRE_CANDIDATE
        term = state.term + 1
    else:
        state.role = Role.CANDIDATE
        state.term += 1
        state.vote = state.config.node
        term = state.term
    for peer in sorted(state.quorum.everybody - {state.config.node}):
        state.send(peer, VoteRequest(term, state.log.last_index, state.log.last_term, pre, transfer))
    _count(state, now_ms)


def _count(state: State, now_ms: int) -> None:
    """Distinct voters only (P 5.2). A lone voter gets here with its own vote, durable before `ready` is done."""
    if state.quorum.reached(state.grants):
        if state.role is Role.PRE_CANDIDATE:
            campaign(state, now_ms, pre=False)
        else:
            _become_leader(state, now_ms)
    elif state.quorum.lost(state.refusals):
        become_follower(state, state.term)


def _become_leader(state: State, now_ms: int) -> None:
    state.role = Role.LEADER
    state.leader = state.config.node
    state.heard_ms = now_ms
    state.reads.round = 0
    state.reads.lease_given_up = False
    state.progress = {peer: Progress(state.log.last_index + 1, now_ms) for peer in state.peers}
    replication.append_noop(state)
    replication.heartbeat(state)


def in_lease(state: State, now_ms: int) -> bool:
    """Whether a leader is known to have been alive within the minimum election timeout."""
    if now_ms < state.silent_until_ms:
        return True
    return bool(state.leader) and (
        state.role is Role.LEADER or now_ms - state.heard_ms < state.config.election_timeout_min_ms
    )


def on_vote_request(state: State, source: str, message: VoteRequest, now_ms: int) -> None:
    """A request of this or a later term; `RaftNode.step` has dealt with older ones and with the lease."""
    up_to_date = state.log.is_up_to_date(message.last_index, message.last_term) and bool(state.quorum.voters)
    if message.pre:
        granted = up_to_date and message.term > state.term
        state.send(source, VoteReply(message.term if granted else state.term, granted, pre=True))
        return
    free = state.vote == source or (not state.vote and not state.leader)
    granted = up_to_date and free
    if granted:
        state.vote = source
        state.reset_election_timer(now_ms)
    state.send(source, VoteReply(state.term, granted))


def on_vote_reply(state: State, source: str, message: VoteReply, now_ms: int) -> None:
    """Answers count only for the election that is running: its kind and its term."""
    expected = Role.PRE_CANDIDATE if message.pre else Role.CANDIDATE
    if state.role is not expected:
        return
    if message.granted:
        if message.term != state.term + (1 if message.pre else 0):
            return
        state.grants.add(source)
    else:
        state.refusals.add(source)
    _count(state, now_ms)
