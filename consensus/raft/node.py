"""`RaftNode`: one member of a Raft group, driven from outside.

The contract with the caller (`consensus.driver` is the only one):

1. Call `step`, `tick_election`, `tick_heartbeat`, `propose`, `request_read`, `transfer_leadership`,
   `change_membership` as things happen, always with a monotonic time in milliseconds that never goes back.
2. Then call `ready`. Send ``ready.early`` at once. Make ``ready.hard_state`` and ``ready.entries`` durable together.
   Call `saved`. Only then send ``ready.late``, and apply ``ready.committed`` in order; call `applied`.
3. Repeat until ``ready`` is empty. If making it durable fails, nothing of that `Ready` may be sent: throw the node
   away and build another one from storage.
4. Whenever the state machine holds everything up to an index durably, the log may be compacted up to there: `compact`
   says what storage has to keep in its place. Send the peers that `awaiting_snapshot` names an image of the state
   machine together with the `Snapshot` of its index, and say `snapshot_ended` when done. Install such an image only
   if `wants_snapshot` agrees, tables and log in one durable step, and call `restore` then.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from consensus.raft import election, membership_change, read_index, replication, transfer
from consensus.raft.log import Log
from consensus.raft.membership import Memberships
from consensus.raft.membership_change import ChangeRefused
from consensus.raft.messages import (
    AppendReply,
    AppendRequest,
    Entry,
    HardState,
    Membership,
    RaftMessage,
    Snapshot,
    TimeoutNow,
    VoteReply,
    VoteRequest,
)
from consensus.raft.state import RaftConfig, Role, State

__all__ = ["ChangeRefused", "ProposalRefused", "RaftConfig", "RaftNode", "Ready", "Role"]

Addressed = tuple[str, RaftMessage]


class ProposalRefused(Exception):
    """Certainly not appended. ``reason`` is "not leader", "transferring" or "overloaded"."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Ready:
    """What the caller has to do now; see the module's contract. ``hard_state`` is None when unchanged."""

    early: Sequence[Addressed]
    hard_state: HardState | None
    entries: Sequence[Entry]
    late: Sequence[Addressed]
    committed: Sequence[Entry]
    reads: Sequence[tuple[int, int | None]]

    def __bool__(self) -> bool:
        return bool(self.early or self.hard_state or self.entries or self.late or self.committed or self.reads)


class RaftNode:
    """``hard_state`` and ``log`` are what storage held; ``applied`` is what the state machine had applied.

    ``memberships``: (index, membership) of what the log begins with and of each MEMBERSHIP entry in it, in order.
    """

    def __init__(
        self,
        config: RaftConfig,
        hard_state: HardState,
        log: Log,
        memberships: Sequence[tuple[int, Membership]],
        applied: int,
        randint: Callable[[int, int], int],
        now_ms: int,
    ):
        known = Memberships(memberships)
        self._state = State(config, log, randint, known, term=hard_state.term, vote=hard_state.vote, commit=applied)
        self._saved_hard_state = hard_state
        self._applied = applied
        self._state.began_ms = now_ms
        self._state.reset_election_timer(now_ms)
        if config.lease_reads:
            self._state.silent_until_ms = now_ms + config.election_timeout_min_ms

    # --- what is known -------------------------------------------------------------------------------------------
    @property
    def role(self) -> Role:
        return self._state.role

    @property
    def term(self) -> int:
        return self._state.term

    @property
    def hard_state(self) -> HardState:
        return self._state.hard_state

    @property
    def leader(self) -> str:
        """The leader of this term, "" while unknown."""
        return self._state.leader

    @property
    def commit_index(self) -> int:
        return self._state.commit

    @property
    def applied_index(self) -> int:
        return self._applied

    @property
    def last_index(self) -> int:
        return self._state.log.last_index

    @property
    def last_term(self) -> int:
        return self._state.log.last_term

    @property
    def base_index(self) -> int:
        """The log begins after this."""
        return self._state.log.base_index

    @property
    def membership(self) -> Membership:
        """Who belongs to the group by the latest entry in the log, committed or not."""
        return self._state.memberships.current

    @property
    def committed_membership(self) -> Membership:
        """The latest one that never goes away again, as far as this node knows; without voters: it knows of none."""
        return self._state.memberships.committed(self._state.commit)

    def end_joint(self, version: int) -> None:
        """Nobody needs the joint membership of ``version`` any longer (`RaftConfig.waits_in_joint`)."""
        self._state.joint_done = version

    def caught_up(self, learner: str) -> bool:
        """At the leader: whether ``learner`` is so near the end of the log that it may become a voter (T 4.2.1)."""
        progress = self._state.progress.get(learner)
        return progress is not None and membership_change.has_caught_up(self._state, progress)

    def has_majority(self, nodes: Iterable[str]) -> bool:
        """Whether ``nodes`` are a majority of the voters."""
        return self._state.quorum.reached(nodes)

    @property
    def membership_settled(self) -> bool:
        """Whether the current membership is committed and no second step is to come."""
        memberships = self._state.memberships
        return not memberships.current.joint and memberships.index <= self._state.commit

    @property
    def has_uncommitted(self) -> bool:
        """At the leader: whether something it appended in its term is not committed yet."""
        return bool(self._state.uncommitted)

    @property
    def transferring(self) -> bool:
        return bool(self._state.transfer_to)

    @property
    def heard_ms(self) -> int:
        """When this node last heard from a leader (now, in effect, while it leads)."""
        return self._state.heard_ms

    def match_indexes(self) -> dict[str, int]:
        """At the leader: how far each follower's log is known to agree."""
        return {peer: progress.match for peer, progress in self._state.progress.items()}

    def active_peers(self, since_ms: int) -> list[str]:
        """At the leader: the followers that answered since then."""
        return [peer for peer, progress in self._state.progress.items() if progress.heard_ms >= since_ms]

    # --- what happens --------------------------------------------------------------------------------------------
    def allow_campaign(self, allowed: bool) -> None:
        """A drained node still votes and follows, but starts no election."""
        self._state.may_campaign = allowed

    def tick_election(self, now_ms: int) -> None:
        election.tick(self._state, now_ms)
        transfer.tick(self._state, now_ms)
        membership_change.dismiss(self._state, now_ms)

    def tick_heartbeat(self, now_ms: int) -> None:
        if self._state.role is Role.LEADER:
            read_index.begin_lease_round(self._state, now_ms)
            replication.heartbeat(self._state)

    def step_down(self, now_ms: int) -> None:
        """Stop leading (the caller knows a reason, such as a scheduler that no longer runs)."""
        if self._state.role is Role.LEADER:
            election.become_follower(self._state, self._state.term)
            self._state.reset_election_timer(now_ms)

    def propose(self, proposals: list[tuple[int, bytes]]) -> tuple[int, int]:
        """Append (kind, data) pairs; returns their first and last index. Raises `ProposalRefused`."""
        state = self._state
        if state.role is not Role.LEADER:
            raise ProposalRefused("not leader")
        if state.transfer_to:
            raise ProposalRefused("transferring")
        if state.uncommitted_bytes and (
            state.uncommitted_bytes + sum(len(data) for _, data in proposals) > state.config.max_uncommitted_bytes
        ):
            raise ProposalRefused("overloaded")
        return replication.append_proposals(state, proposals)

    def await_commit(self, peer: str, index: int) -> None:
        """Clients of ``peer`` wait for the entries up to ``index``: it is told at once when they are committed."""
        progress = self._state.progress.get(peer)
        if progress is not None:
            progress.awaited = max(progress.awaited, index)

    def change_membership(self, target: Membership, now_ms: int) -> int:
        """Begin a change; returns the index of its first step. Raises `ChangeRefused` or `ProposalRefused`."""
        if self._state.role is not Role.LEADER:
            raise ProposalRefused("not leader")
        return membership_change.propose(self._state, target, self._applied, now_ms)

    def request_read(self, context: int, now_ms: int) -> bool:
        """Ask for a read index; answered in ``ready.reads``. False: not the leader."""
        if self._state.role is not Role.LEADER:
            return False
        read_index.request(self._state, context, now_ms)
        return True

    def transfer_leadership(self, to: str, now_ms: int) -> bool:
        return transfer.start(self._state, to, now_ms)

    def step(self, source: str, message: RaftMessage, now_ms: int) -> None:
        """Take one message from ``source`` (P 5.1: terms first).

        Whether the source is a member by this node's log does not matter for requests: the log may be behind (P 6).
        Answers count only from members that were asked.
        """
        state = self._state
        if message.term > state.term and not self._accept_newer_term(source, message, now_ms):
            return
        if message.term < state.term and not (isinstance(message, VoteReply) and not message.granted):
            self._answer_older_term(source, message)
            return
        match message:
            case AppendRequest():
                if state.role is Role.LEADER:
                    raise replication.LogConflict(f"{source} also leads term {state.term}")
                if state.role is not Role.FOLLOWER or state.leader != source:
                    election.become_follower(state, message.term, source)
                replication.on_append_request(state, source, message, now_ms)
            case AppendReply():
                replication.on_append_reply(state, source, message, now_ms)
                if state.transfer_to == source:
                    transfer.advance(state)
            case VoteRequest():
                election.on_vote_request(state, source, message, now_ms)
            case VoteReply():
                election.on_vote_reply(state, source, message, now_ms)
            case TimeoutNow():
                if state.role is Role.FOLLOWER and state.leader == source and state.promotable:
                    election.campaign(state, now_ms, pre=False, transfer=True)

    def _accept_newer_term(self, source: str, message: RaftMessage, now_ms: int) -> bool:
        """Follow a newer term, unless the message is only a question about one. False: the message is done with."""
        state = self._state
        # A follower has no use for answers; a late one must not make it forget the leader that it has promised a lease.
        is_answer = isinstance(message, VoteReply | AppendReply)
        if is_answer and state.role is Role.FOLLOWER and election.in_lease(state, now_ms):
            return False
        if isinstance(message, VoteRequest):
            if not message.transfer and election.in_lease(state, now_ms):
                state.send(source, VoteReply(state.term, False, message.pre))
                return False
            if message.pre:
                return True
        if isinstance(message, VoteReply) and message.pre and message.granted:
            return True
        election.become_follower(state, message.term, source if isinstance(message, AppendRequest) else "")
        return True

    def _answer_older_term(self, source: str, message: RaftMessage) -> None:
        """A sender of an older term learns the current one, and steps down."""
        state = self._state
        if isinstance(message, AppendRequest):
            reply = AppendReply(state.term, False, 0, message.prev_index, 0, state.log.last_index, state.log.last_term)
            state.send(source, reply)
        elif isinstance(message, VoteRequest):
            state.send(source, VoteReply(state.term, False, message.pre))

    # --- what to do ----------------------------------------------------------------------------------------------
    def ready(self, max_apply: int = 256) -> Ready:
        """Everything to do now. ``max_apply`` bounds the committed entries handed out at once."""
        state = self._state
        membership_change.advance(state)
        replication.flush(state)
        read_index.flush(state)
        hard_state = state.hard_state if state.hard_state != self._saved_hard_state else None
        outbox, state.outbox = state.outbox, []
        reads, state.read_results = state.read_results, []
        early: list[Addressed] = []
        late: list[Addressed] = []
        for destination, message in outbox:
            # What a leader sends in a term that is already durable promises nothing about its own disk.
            leading = isinstance(message, AppendRequest | TimeoutNow) and hard_state is None
            (early if leading else late).append((destination, message))
        # A leader may commit what its own disk does not hold yet; it is applied from the log all the same.
        durable = min(state.commit, state.log.persisted_index)
        committed: Sequence[Entry] = ()
        if durable > self._applied:
            committed = state.log.read(self._applied + 1, min(durable, self._applied + max_apply), 4 << 20)
        return Ready(early, hard_state, state.log.unsaved(), late, committed, reads)

    def saved(self, ready: Ready) -> None:
        """``ready.hard_state`` and ``ready.entries`` are durable."""
        if ready.hard_state is not None:
            self._saved_hard_state = ready.hard_state
        if ready.entries:
            self._state.log.saved()
            replication.advance_commit(self._state)

    # --- snapshots -----------------------------------------------------------------------------------------------
    def snapshot_at(self, index: int) -> Snapshot:
        """What goes with an image of the state machine at ``index``: between the base and what is applied."""
        state = self._state
        term = state.log.term_at(index)
        assert term is not None and index <= self._applied, f"no snapshot can be taken at {index}"
        return Snapshot(index, term, state.memberships.at(index))

    def compact(self, snapshot: Snapshot) -> None:
        """Storage keeps ``snapshot`` (from `snapshot_at`) in place of the log up to its index."""
        assert snapshot.index <= self._applied, "never what is not applied (P 7)"
        self._state.log.compact(snapshot.index)
        self._state.memberships.compact(snapshot.index)

    def awaiting_snapshot(self) -> list[str]:
        """At the leader: the peers that need what is gone from the log."""
        return [peer for peer, progress in self._state.progress.items() if progress.needs_snapshot]

    def snapshot_ended(self, peer: str) -> None:
        """The transfer to ``peer`` is over, well or badly: find out where it stands."""
        progress = self._state.progress.get(peer)
        if progress is not None and progress.needs_snapshot:
            progress.probe()

    def wants_snapshot(self, snapshot: Snapshot, rebuild: bool = False) -> bool:
        """Whether it would bring this node on: what is committed here never goes back (P 7). Nor is a snapshot of a
        term taken that this node has not heard of: the leader that sends it will say so first.

        ``rebuild``: the state machine is to be replaced; then whatever the log can go on from will do.
        """
        if snapshot.term > self._state.term:
            return False
        return snapshot.index >= self._state.log.base_index if rebuild else snapshot.index > self._state.commit

    def agrees_with(self, snapshot: Snapshot) -> bool:
        """Whether the log holds the entry that ``snapshot`` ends with: then what comes after it stays."""
        return self._state.log.matches(snapshot.index, snapshot.term)

    def needs_snapshot(self, peer: str) -> None:
        """At the leader: ``peer`` asked for one, whatever its log holds."""
        progress = self._state.progress.get(peer)
        if progress is not None:
            progress.await_snapshot(self._state.log.base_index)
            progress.asked_for_it = True

    def restore(self, snapshot: Snapshot) -> None:
        """The state machine is at ``snapshot`` now, and the log begins there, durably."""
        state = self._state
        state.log.restore(snapshot.index, snapshot.term)
        state.memberships.restore(snapshot, state.log.last_index)
        state.count_by_membership()
        state.commit = max(state.commit, snapshot.index)
        self._applied = snapshot.index

    def applied(self, index: int) -> None:
        """Everything up to ``index`` is applied."""
        self._applied = index
        self._state.log.forget(index)
