"""Well-known mistakes in Raft, each as a change of the source: what it breaks, and where the rule stands.

P: Ongaro and Ousterhout, extended version; T: Ongaro's thesis; R, N: scenarios that the core's tests name.
"""

from dataclasses import dataclass

ELECTION = "consensus/raft/election.py"
LOG = "consensus/raft/log.py"
NODE = "consensus/raft/node.py"
PROGRESS = "consensus/raft/progress.py"
QUORUM = "consensus/raft/quorum.py"
READS = "consensus/raft/read_index.py"
REPLICATION = "consensus/raft/replication.py"
STATE = "consensus/raft/state.py"
TRANSFER = "consensus/raft/transfer.py"
MEMBERSHIPS = "consensus/raft/membership.py"
CHANGE = "consensus/raft/membership_change.py"
DRIVER = "consensus/driver.py"
PENDING = "consensus/pending.py"
FORWARDING = "consensus/forwarding.py"
TABLES = "consensus/simulator/tables.py"


@dataclass(frozen=True, slots=True)
class Patch:
    """``old`` stands exactly once in ``file``."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """``breaks`` says what goes wrong, ``section`` where the rule stands."""

    name: str
    breaks: str
    section: str
    patches: tuple[Patch, ...]


def mutant(name: str, breaks: str, section: str, file: str, old: str, new: str, *more: Patch) -> Mutant:
    return Mutant(name, breaks, section, (Patch(file, old, new), *more))


VOTES = (
    mutant(
        "vote not persisted",
        "a node that restarts votes again in the same term",
        "P 5.2, R05",
        DRIVER,
        "self.storage.save(ready.hard_state or self.node.hard_state, ready.entries)",
        "self.storage.save(type(self.node.hard_state)(self.node.term), ready.entries)",
    ),
    mutant(
        "term saved only with entries",
        "a node that restarts is back in an older term",
        "P figure 2",
        DRIVER,
        "if ready.hard_state is not None or ready.entries:",
        "if ready.entries:",
    ),
    mutant(
        "vote given twice",
        "two candidates of one term get a majority",
        "P 5.2",
        ELECTION,
        "free = state.vote == source or (not state.vote and not state.leader)",
        "free = not state.leader",
    ),
    mutant(
        "vote kept in a new term",
        "a vote of an earlier term stands in the way of a new one",
        "P 5.2, R01",
        ELECTION,
        '        state.vote = ""\n',
        "",
    ),
    mutant(
        "any log gets the vote",
        "a leader lacks committed entries",
        "P 5.4.1, R04",
        ELECTION,
        "granted = up_to_date and free",
        "granted = free",
    ),
    mutant(
        "log compared by length only",
        "a long log of old terms wins against committed entries",
        "P 5.4.1, R04",
        LOG,
        "(last_term, last_index) >= (self.last_term, self.last_index)",
        "last_index >= self.last_index",
    ),
    mutant(
        "log compared by term only",
        "a shorter log wins against committed entries",
        "P 5.4.1, R04",
        LOG,
        "(last_term, last_index) >= (self.last_term, self.last_index)",
        "last_term >= self.last_term",
    ),
    mutant(
        "half is a majority",
        "two leaders of one term, two committed entries at one index",
        "P 5.2",
        QUORUM,
        "distinct = frozenset(agreeing)\n        return all(2 * len(half & distinct) > len(half)",
        "distinct = frozenset(agreeing)\n        return all(2 * len(half & distinct) >= len(half)",
    ),
    mutant(
        "grants counted twice from one peer",
        "a doubled message makes a majority",
        "P 5.2, R07",
        ELECTION,
        "state.grants = {state.config.node}",
        "state.grants = [state.config.node]",
        Patch(ELECTION, "state.grants.add(source)", "state.grants.append(source)"),
        Patch(
            QUORUM,
            "distinct = frozenset(agreeing)\n        return all(2 * len(half & distinct) > len(half)",
            "distinct = list(agreeing)\n        return all(2 * len(distinct) > len(half)",
        ),
    ),
    mutant(
        "grants of an older term counted",
        "a late grant elects a leader nobody voted for",
        "P 5.2, R10",
        ELECTION,
        "if message.term != state.term + (1 if message.pre else 0):",
        "if message.term > state.term + 1:",
        Patch(
            NODE,
            "if message.term < state.term and not (isinstance(message, VoteReply) and not message.granted):",
            "if message.term < state.term and not isinstance(message, VoteReply):",
        ),
    ),
    mutant(
        "pre-vote grants counted as votes",
        "a leader that nobody voted for",
        "T 9.6, R10",
        ELECTION,
        "if state.role is not expected:",
        "if state.role not in (Role.PRE_CANDIDATE, Role.CANDIDATE):",
        Patch(ELECTION, "if message.term != state.term + (1 if message.pre else 0):", "if message.term < state.term:"),
    ),
    mutant(
        "pre-vote changes the term",
        "a node that was cut off deposes the leader when it returns",
        "T 9.6, R11, R12",
        NODE,
        "            if message.pre:\n                return True\n",
        "",
    ),
    mutant(
        "lease ignored",
        "a node that was cut off deposes a leader that everybody else hears",
        "T 6.2, R12",
        NODE,
        "if not message.transfer and election.in_lease(state, now_ms):",
        "if message.transfer is None:",
    ),
    mutant(
        "higher term ignored by a leader",
        "a deposed leader goes on for as long as it likes",
        "P 5.1, R01",
        NODE,
        "        election.become_follower(state, message.term, source if",
        "        if state.role is Role.LEADER:\n            return False\n"
        "        election.become_follower(state, message.term, source if",
    ),
    mutant(
        "no quorum check",
        "a leader that is cut off never says so to those who wait",
        "T 6.2, R13",
        ELECTION,
        "if not state.quorum.reached([state.config.node, *heard]):",
        "if heard is None:",
    ),
    mutant(
        "election time-outs that do not differ",
        "split votes repeat",
        "P 5.2, R03",
        STATE,
        "config.election_timeout_min_ms, config.election_timeout_max_ms",
        "config.election_timeout_min_ms, config.election_timeout_min_ms",
    ),
    mutant(
        "vote leaves before it is durable",
        "a node that crashes has promised what it forgets",
        "P 5.2, R06",
        NODE,
        "leading = isinstance(message, AppendRequest | TimeoutNow) and hard_state is None",
        "leading = True",
    ),
)

REPLICATING = (
    mutant(
        "earlier term committed by counting",
        "a committed entry is overwritten",
        "P 5.4.2, figure 8, R18",
        REPLICATION,
        "if index > state.commit and state.log.term_at(index) == state.term:",
        "if index > state.commit:",
    ),
    mutant(
        "leader counts itself before its disk is done",
        "an entry is committed that no majority holds",
        "T 10.2.1, R20",
        REPLICATION,
        "= state.log.persisted_index",
        "= state.log.last_index",
    ),
    mutant(
        "follower answers before its disk is done",
        "an entry is committed that no majority holds",
        "P 5.3",
        NODE,
        "leading = isinstance(message, AppendRequest | TimeoutNow) and hard_state is None",
        "leading = hard_state is None",
    ),
    mutant(
        "previous entry not compared",
        "logs differ before entries that agree",
        "P 5.3, R15",
        REPLICATION,
        "if not log.matches(prev_index, message.prev_term):",
        "if prev_index > log.last_index:",
    ),
    mutant(
        "matching entries truncated",
        "a late append drops what was acknowledged",
        "P 5.3, R16",
        REPLICATION,
        "news = entries[log.first_conflict(entries) :]",
        "news = tuple(entry for entry in entries if entry.index > state.commit)",
    ),
    mutant(
        "conflicting entries kept",
        "a follower keeps what its leader never had",
        "P 5.3, R16",
        LOG,
        "if self.term_at(entry.index) != entry.term:",
        "if self.term_at(entry.index) is None:",
    ),
    mutant(
        "overwritten entries not saved again",
        "disk and memory differ after a conflict",
        "P 5.3",
        LOG,
        "        self._unsaved_first = min(self._unsaved_first, first)\n",
        "",
    ),
    mutant(
        "overwritten entries still durable",
        "a node counts what its disk does not hold",
        "T 10.2.1",
        LOG,
        "        self.persisted_index = min(self.persisted_index, first - 1)\n",
        "",
    ),
    mutant(
        "commit index beyond what the message vouches for",
        "what was never agreed is applied",
        "P figure 2, R19",
        REPLICATION,
        "min(message.commit, vouched)",
        "min(message.commit, log.last_index)",
    ),
    mutant(
        "follower vouches for its whole log",
        "a leader counts entries that are not its own",
        "P 5.3, R16",
        REPLICATION,
        "state.send(source, AppendReply(state.term, True, vouched, prev_index, message.round))",
        "state.send(source, AppendReply(state.term, True, log.last_index, prev_index, message.round))",
    ),
    mutant(
        "match goes back",
        "a late answer makes a leader forget what is acknowledged",
        "P 5.3, R21",
        PROGRESS,
        "self.match = max(self.match, match)",
        "self.match = match",
    ),
    mutant(
        "next index falls under match",
        "a late refusal makes a leader send what is settled",
        "P 5.3, R21",
        PROGRESS,
        "if prev_index <= self.match or (not self.streaming and prev_index != self.next - 1):",
        "if not self.streaming and prev_index != self.next - 1:",
        Patch(
            PROGRESS,
            "self.next = max(self.match + 1, min(prev_index, candidate + 1))",
            "self.next = max(1, min(prev_index, candidate + 1))",
        ),
    ),
    mutant(
        "answers of an older term counted",
        "a leader counts what its follower has dropped since",
        "P 5.1, R02",
        NODE,
        "if message.term < state.term and not (isinstance(message, VoteReply) and not message.granted):",
        "if message.term < state.term and not isinstance(message, VoteReply | AppendReply):",
    ),
    mutant(
        "progress kept from an earlier term",
        "a leader counts what its follower has dropped since",
        "P 5.3",
        ELECTION,
        "    state.progress.clear()\n",
        "",
        Patch(
            ELECTION,
            "state.progress = {peer: Progress(state.log.last_index + 1, now_ms) for peer in state.peers}",
            "state.progress = {peer: Progress(state.log.last_index + 1, now_ms) for peer in state.peers} "
            "| state.progress",
        ),
    ),
    mutant(
        "no entry at the start of a term",
        "what is committed stays unknown, and reads wait for ever",
        "P 8, R23",
        ELECTION,
        "    replication.append_noop(state)\n",
        "",
    ),
    mutant(
        "applied before the own disk is done",
        "after a crash the tables are ahead of the log",
        "T 10.2.1, N02",
        NODE,
        "durable = min(state.commit, state.log.persisted_index)",
        "durable = state.commit",
    ),
)

READING = (
    mutant(
        "reads before the term has committed",
        "a new leader answers with an old commit index",
        "P 8, T 6.4, R25",
        READS,
        "reads.waiting and _term_has_committed(state)",
        "reads.waiting",
    ),
    mutant(
        "reads confirmed by earlier heartbeats",
        "a deposed leader answers with old data",
        "T 6.4, R26",
        READS,
        "progress.acked_round >= round]",
        "progress.acked_round >= round - 1]",
    ),
    mutant(
        "reads confirmed by nobody",
        "a deposed leader answers with old data",
        "T 6.4, R27",
        READS,
        "return state.quorum.reached([state.config.node, *answered])",
        "return True",
    ),
    mutant(
        "reads outlive leadership",
        "what was asked of a leader is answered by a later one",
        "T 6.4, R27",
        ELECTION,
        "    read_index.abandon(state)\n",
        "",
    ),
    mutant(
        "read answered before it is applied",
        "a node answers with data older than the read index",
        "T 6.4, R28",
        PENDING,
        "            self.wait_for(index, waiter)\n",
        "            self.wait_for(0, waiter)\n",
    ),
    mutant(
        "answer to an earlier read taken for a later one",
        "a read sees less than was acknowledged",
        "T 6.4, R26",
        PENDING,
        "if context != self.context or not self.in_flight:",
        "if not self.in_flight:",
    ),
)

CLIENTS = (
    mutant(
        "TimeoutNow obeyed from anybody",
        "elections at the word of one that does not lead",
        "T 3.10, R32",
        NODE,
        "state.role is Role.FOLLOWER and state.leader == source and",
        "state.role is Role.FOLLOWER and",
    ),
    mutant(
        "leadership handed to one that is behind",
        "a hand-over that cannot succeed",
        "T 3.10, R30",
        TRANSFER,
        "if progress is not None and progress.match == state.log.last_index:",
        "if progress is not None:",
    ),
    mutant(
        "proposals taken during a transfer",
        "a hand-over that never ends under load",
        "T 3.10, R30",
        NODE,
        '        if state.transfer_to:\n            raise ProposalRefused("transferring")\n',
        "",
    ),
    mutant(
        "transfer never given up",
        "a leader that takes no proposals because a node is dead",
        "T 3.10, R31",
        TRANSFER,
        "if state.transfer_to and now_ms >= state.transfer_deadline_ms:",
        "if not state.transfer_to:",
    ),
    mutant(
        "refused elsewhere taken as certainly not done",
        "a write is called refused and is done",
        "N08, N09",
        PENDING,
        "pending.unsure = True",
        "pending.unsure = False",
    ),
    mutant(
        "answers matched by request id alone",
        "a late retry answers another command",
        "N08",
        PENDING,
        "if pending is None or pending.fingerprint != outcome.fingerprint:",
        "if pending is None:",
    ),
    mutant(
        "applied again after a restart",
        "one entry changes the tables twice",
        "R45",
        DRIVER,
        "memberships, ports.applier.applied_index(), ports.randint",
        "memberships, max(0, ports.applier.applied_index() - 1), ports.randint",
    ),
    mutant(
        "request ids forgotten",
        "a retry is done again",
        "R44 (planted in the simulated tables)",
        TABLES,
        "if proposal.request_id not in self.answers:",
        "if proposal.request_id not in self.answers or entry.index % 3:",
    ),
)

MEMBERSHIP = (
    mutant(
        "joint majority ignored",
        "old and new voters elect a leader each",
        "P 6, R33",
        QUORUM,
        "self._halves = [self.voters, frozenset(outgoing)] if outgoing else [self.voters]",
        "self._halves = [self.voters]",
    ),
    mutant(
        "a learner counts",
        "what a learner alone holds is taken as committed",
        "T 4.2.1, R38",
        STATE,
        "self.quorum = Quorum(current.voters, current.outgoing)",
        "self.quorum = Quorum((*current.voters, *current.learners), current.outgoing)",
    ),
    mutant(
        "a learner campaigns",
        "a node that nobody counts asks for votes",
        "T 4.2.1, R38",
        STATE,
        "return self.may_campaign and self.memberships.current.is_voter(self.config.node)",
        "return self.may_campaign",
    ),
    mutant(
        "a membership in the log does not count",
        "old and new voters elect a leader each",
        "P 6, R35",
        REPLICATION,
        "if state.memberships.take(entries):",
        "if state.memberships.take(entries) and not entries:",
    ),
    mutant(
        "a truncated membership goes on counting",
        "a majority of nodes that never became voters",
        "P 6, R35",
        MEMBERSHIPS,
        "while self.index >= entries[0].index and len(self._known) > 1:",
        "while self.index < 0:",
    ),
    mutant(
        "two changes at once",
        "majorities that do not overlap",
        "T 4.1, R34",
        CHANGE,
        "if state.memberships.current.joint or state.memberships.index > applied:",
        "if state.memberships.current.joint:",
    ),
    mutant(
        "a change before the term has committed anything",
        "two leaders change the membership from different beginnings",
        "T 4.1 (2015), R39",
        CHANGE,
        "if state.log.term_at(state.commit) != state.term:",
        "if not state.term:",
    ),
    mutant(
        "a leader that left counts itself",
        "a majority of the new voters is one too small",
        "P 6, R36",
        REPLICATION,
        "index = state.quorum.agreed(matched)",
        "index = sorted(matched.values())[(len(matched) - 1) // 2]",
    ),
    mutant(
        "a wiped node votes",
        "a second vote in one term",
        "R46",
        ELECTION,
        " and bool(state.quorum.voters)",
        "",
    ),
)

SNAPSHOTS = (
    mutant(
        "stale snapshot membership",
        "a restored node counts by a membership of the past",
        "P 7, R42",
        MEMBERSHIPS,
        "self._known = [(snapshot.index, snapshot.membership), *kept]",
        "self._known = [(snapshot.index, self.current), *kept]",
    ),
    mutant(
        "a log that conflicts with the snapshot is kept",
        "entries that were never committed stay after it",
        "P 7, R40",
        LOG,
        "if self.matches(index, term):\n            self.compact(index)",
        "if index <= self.last_index:\n            self.compact(index)",
    ),
    mutant(
        "a log that matches the snapshot is dropped",
        "acknowledged entries are gone",
        "P 7, R40",
        LOG,
        "if self.matches(index, term):\n            self.compact(index)",
        "if index < 0:\n            self.compact(index)",
    ),
    mutant(
        "an older snapshot is taken",
        "what was applied goes back",
        "P 7, R41",
        NODE,
        "if rebuild else snapshot.index > self._state.commit",
        "if rebuild else snapshot.index > 0",
    ),
    mutant(
        "compaction past what is applied",
        "entries that the tables do not hold are gone",
        "P 7, R43",
        NODE,
        'assert snapshot.index <= self._applied, "never what is not applied (P 7)"',
        "assert snapshot.index >= 0",
    ),
    mutant(
        "the term at the base is forgotten",
        "a follower refuses what follows its snapshot",
        "P 7, R43",
        LOG,
        "self._terms[: run + 1] = [term]",
        "self._terms[: run + 1] = [0]",
    ),
    mutant(
        "a lease survives a transfer",
        "the old leader answers from a lease that nobody keeps",
        "T 6.4.1, R29",
        READS,
        "state.reads.lease_given_up = True",
        "state.reads.lease_given_up = False",
    ),
)

MUTANTS = (*VOTES, *REPLICATING, *READING, *CLIENTS, *MEMBERSHIP, *SNAPSHOTS)
