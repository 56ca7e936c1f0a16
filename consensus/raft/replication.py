"""Appending, matching and committing (P 5.3, 5.4.2, figure 2).

* A follower takes entries only where its log agrees with the leader's just before them; what matches is never
  dropped, what conflicts goes with everything after it, and never anything committed.
* A follower's commit index is the lower of the leader's and the last index *this message* vouches for.
* A leader commits by counting only entries of its own term; earlier ones are committed with them (P figure 8).
* A leader sends before its own disk is done and counts itself only once it is (T 10.2.1).
* A membership counts from the moment its entry is in the log (P 6).
"""

from collections.abc import Sequence

from consensus.raft.messages import AppendReply, AppendRequest, Entry, EntryKind
from consensus.raft.progress import Progress
from consensus.raft.state import NEVER_MS, Role, State


class LogConflict(Exception):
    """A leader tried to replace a committed entry: an invariant of Raft is broken. The node must stop."""


def append_noop(state: State) -> None:
    """The first entry of a new leader's term: committing it commits everything before it (P 8)."""
    _append(state, [(EntryKind.NOOP, b"")])


def append_proposals(state: State, proposals: list[tuple[int, bytes]]) -> tuple[int, int]:
    """Append (kind, data) pairs; returns their first and last index."""
    first = state.log.last_index + 1
    _append(state, proposals)
    return first, state.log.last_index


def _append(state: State, proposals: list[tuple[int, bytes]]) -> None:
    first = state.log.last_index + 1
    entries = [Entry(first + i, state.term, kind, data) for i, (kind, data) in enumerate(proposals)]
    _take(state, entries)
    size = sum(len(entry.data) for entry in entries)
    state.uncommitted.append((entries[-1].index, size))
    state.uncommitted_bytes += size


def _take(state: State, entries: Sequence[Entry]) -> None:
    """Put ``entries`` into the log, and count by the membership that it holds then."""
    state.log.append(entries)
    if state.memberships.take(entries):
        state.count_by_membership()
        if state.role is Role.LEADER:
            _serve_members(state)


def _serve_members(state: State) -> None:
    """The leader serves who came; who left is served until it knows (`membership_change.dismiss`)."""
    current = state.memberships.current
    for peer in state.peers:
        state.progress.setdefault(peer, Progress(state.log.last_index, NEVER_MS)).leaving_index = 0
    for peer, progress in state.progress.items():
        if peer not in current.everybody:
            progress.leaving_index = state.memberships.index


def heartbeat(state: State) -> None:
    """Tell every follower that the leader lives; a follower that is being probed gets its one probe (P 5.2)."""
    for peer, progress in state.progress.items():
        _send_empty(state, peer, progress)


def flush(state: State) -> None:
    """Send followers the entries and the commit index that they have not been sent yet."""
    if state.role is not Role.LEADER:
        return
    for peer, progress in state.progress.items():
        _notice_what_is_gone(state, progress)
        if not progress.streaming:
            if not progress.probe_sent:
                _send_empty(state, peer, progress)
            continue
        while progress.next <= state.log.last_index and _has_room(state, progress):
            _send_entries(state, peer, progress)
        # A new commit index rides on the next append or heartbeat, unless somebody waits for it there.
        if progress.sent_commit < min(state.commit, progress.next - 1, progress.awaited):
            _send(state, peer, progress, progress.next - 1, (), quiet=True)


def _has_room(state: State, progress: Progress) -> bool:
    """Whether the window has room for one more append (T 10.2.1)."""
    config = state.config
    return len(progress.in_flight) < config.max_in_flight and progress.in_flight_bytes < config.max_in_flight_bytes


def _send_entries(state: State, peer: str, progress: Progress) -> None:
    log = state.log
    prev_index = progress.next - 1
    entries = log.read(progress.next, log.last_index, state.config.max_append_bytes)
    _send(state, peer, progress, prev_index, entries)
    progress.sent(entries[-1].index, sum(len(entry.data) for entry in entries))


def _notice_what_is_gone(state: State, progress: Progress) -> None:
    """A refusal, or compaction since, may have put the next entry before where the log begins."""
    if progress.next <= state.log.base_index:
        progress.await_snapshot(state.log.base_index)


def _send_empty(state: State, peer: str, progress: Progress) -> None:
    _notice_what_is_gone(state, progress)
    progress.probe_sent = True
    _send(state, peer, progress, progress.next - 1, ())


def _send(
    state: State, peer: str, progress: Progress, prev_index: int, entries: tuple[Entry, ...], quiet: bool = False
) -> None:
    prev_term = state.log.term_at(prev_index)
    assert prev_term is not None, "a leader holds everything before what it sends"
    progress.sent_commit = state.commit
    round_ = state.reads.round
    state.send(peer, AppendRequest(state.term, prev_index, prev_term, state.commit, round_, entries, quiet))


def on_append_request(state: State, source: str, message: AppendRequest, now_ms: int) -> None:
    """From the leader of this term, which the state already follows."""
    state.heard_ms = now_ms
    state.reset_election_timer(now_ms)
    log, entries, prev_index = state.log, message.entries, message.prev_index
    if prev_index < state.commit:
        # Late or doubled: what lies under the commit index is settled, so answer with that and touch nothing.
        state.send(source, AppendReply(state.term, True, state.commit, prev_index, message.round))
        return
    if not log.matches(prev_index, message.prev_term):
        hint_index, hint_term = log.last_at_or_below(prev_index, message.prev_term)
        reply = AppendReply(state.term, False, 0, prev_index, message.round, hint_index, hint_term)
        state.send(source, reply)
        return
    news = entries[log.first_conflict(entries) :]
    if news:
        if news[0].index <= state.commit:
            raise LogConflict(f"{source} would replace committed entry {news[0].index}")
        _take(state, news)
    vouched = prev_index + len(entries)
    state.commit = max(state.commit, min(message.commit, vouched))
    if not message.quiet:
        state.send(source, AppendReply(state.term, True, vouched, prev_index, message.round))


def on_append_reply(state: State, source: str, message: AppendReply, now_ms: int) -> None:
    """A follower's answer; also proof that in this term it still follows (T 6.2, 6.4)."""
    progress = state.progress.get(source)
    if progress is None:
        return
    progress.heard_ms = now_ms
    progress.acked_round = max(progress.acked_round, message.round)
    if message.success:
        if message.match > state.log.last_index:
            return  # no follower of this term can hold more than its leader
        progress.acknowledge(message.match)
        advance_commit(state)
    else:
        candidate, _ = state.log.last_at_or_below(message.hint_index, message.hint_term)
        progress.refuse(message.prev_index, candidate)


def advance_commit(state: State) -> None:
    """Commit what a majority holds, if it is of this term (P 5.4.2)."""
    if state.role is not Role.LEADER:
        return
    matched = {peer: progress.match for peer, progress in state.progress.items()}
    matched[state.config.node] = state.log.persisted_index
    index = state.quorum.agreed(matched)
    if index > state.commit and state.log.term_at(index) == state.term:
        state.commit = index
        while state.uncommitted and state.uncommitted[0][0] <= index:
            state.uncommitted_bytes -= state.uncommitted.popleft()[1]
