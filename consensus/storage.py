"""Term, vote, log and what it begins with, and registers, in this node's Postgres (implements `ports.Storage`).

Rules:

* One session writes, and it holds the node's identity: a session advisory lock. Two processes cannot act as one node.
* Every life of the node takes the next *epoch*; every write names it, so that a process which lost the identity
  without noticing changes nothing.
* One autocommitted statement makes a step durable: all of it or nothing (scenario N01). It returns after the WAL is
  flushed: ``synchronous_commit`` is pinned for this session, and a server with ``fsync`` off is refused.
* What the log begins with changes in the same transaction as the log, and with a snapshot as the replicated tables.
* Any error leaves the session unusable on purpose: the caller throws it away and opens another (rule 2 of the design).
"""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg_errors

from consensus import membership_rows, register_storage
from consensus.errors import Fenced, InvariantViolation, UnknownVersion
from consensus.images import PostgresReceivedImage, load
from consensus.paxos.messages import HardState as RegisterHardState
from consensus.paxos.messages import Record
from consensus.ports import ReplicatedTable, StoredState
from consensus.raft.membership import decode, encode
from consensus.raft.messages import Entry, EntryKind, HardState, Membership, Snapshot
from consensus.rows import BIGINT, BY_CAST, BYTEA, TEXT, RowType, bigints, byteas
from consensus.sql import Prepared, bigint

# "raft" in ASCII; the database belongs to one node, so one key is enough.
IDENTITY_LOCK = 0x72616674

# The fence: only the newest life of this node may write. Term and vote are written when they change.
CHANGE = """
UPDATE consensus_hardstate SET term = $2, vote = $3 WHERE id = 1 AND epoch = $1 AND term <= $2 RETURNING 1::bigint
"""
UNCHANGED = "SELECT 1::bigint FROM consensus_hardstate WHERE id = 1 AND epoch = $1 AND term = $2 AND vote = $3"
APPEND = """
WITH fence AS ({fence}), cut AS (
    DELETE FROM consensus_logentry WHERE index > $4 AND EXISTS (SELECT 1 FROM fence)
), put AS (
    INSERT INTO consensus_logentry (index, term, kind, data)
    SELECT * FROM unnest($5::consensus_log_row[]) WHERE EXISTS (SELECT 1 FROM fence)
    ON CONFLICT (index) DO UPDATE SET term = excluded.term, kind = excluded.kind, data = excluded.data
)
SELECT count(*) FROM fence
"""
# By far the most frequent: nothing but entries that follow the end of the stored log. It takes half of the time that
# the general statement takes, and for a single entry a third. An entry that is there already makes it an error.
FOLLOW = f"""
INSERT INTO consensus_logentry (index, term, kind, data)
SELECT * FROM unnest($4::consensus_log_row[]) WHERE EXISTS ({UNCHANGED})
"""
FOLLOW_ONE = """
INSERT INTO consensus_logentry (index, term, kind, data)
SELECT $4, $5, $6, $7 FROM consensus_hardstate WHERE id = 1 AND epoch = $1 AND term = $2 AND vote = $3
"""
LOG_ROW = RowType("consensus_log_row", bigints, bigints, bigints, byteas)
FENCE_TYPES = (BIGINT, BIGINT, TEXT)
FOLLOW_TYPES = (*FENCE_TYPES, BY_CAST)
FOLLOW_ONE_TYPES = (*FENCE_TYPES, BIGINT, BIGINT, BIGINT, BYTEA)
APPEND_TYPES = (*FENCE_TYPES, BIGINT, BY_CAST)
OPEN = """
INSERT INTO consensus_hardstate (id, "group", node, term, vote, epoch, incarnation, diverged, group_id)
VALUES (1, %s, %s, 0, '', 1, %s, '', '')
ON CONFLICT (id) DO UPDATE SET epoch = consensus_hardstate.epoch + 1
RETURNING "group", node, term, vote, epoch, incarnation, diverged, group_id
"""
SET_GROUP_ID = "UPDATE consensus_hardstate SET group_id = %s WHERE id = 1"
MARK_DIVERGED = "UPDATE consensus_hardstate SET diverged = %s WHERE id = 1"
FENCE = "SELECT 1 FROM consensus_hardstate WHERE id = 1 AND epoch = %s FOR UPDATE"
BASE = """
INSERT INTO consensus_logbase (id, index, term, membership) VALUES (1, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET index = excluded.index, term = excluded.term, membership = excluded.membership
"""
HELD = bigint(1)
SESSION = (
    "SET synchronous_commit = on",
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 1",
    "SET tcp_keepalives_count = 5",
    "SET idle_session_timeout = 0",
)


class PostgresStorage:
    """``tables`` are the state machine's. ``lock_wait_s``: how long to wait for a session of this node that is just
    ending before giving up."""

    def __init__(
        self, dsn: str, group: str, node: str, tables: Sequence[ReplicatedTable] = (), lock_wait_s: float = 5.0
    ):
        self._dsn = dsn
        self._tables = tables
        self._group = group
        self._node = node
        self._lock_wait_s = lock_wait_s
        self._connection: psycopg.Connection | None = None
        self._epoch = 0
        self._hard_state = HardState()
        self._last_index = 0

    def open(self) -> StoredState:
        try:
            return self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> StoredState:
        connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=3, prepare_threshold=2)
        self._connection = connection
        for statement in SESSION:
            connection.execute(statement)
        (fsync,) = connection.execute("SHOW fsync").fetchone() or ("off",)
        if fsync != "on":
            raise InvariantViolation("this Postgres runs with fsync off: it cannot keep what a node promises")
        self._take_identity(connection)
        row = connection.execute(OPEN, (self._group, self._node, secrets.token_hex(8))).fetchone() or ()
        group, node, term, vote, epoch, incarnation, diverged, group_id = row
        if (group, node) != (self._group, self._node):
            raise InvariantViolation(
                f"this database belongs to node {node} of group {group}, not to {self._node} of {self._group}"
            )
        self._epoch = epoch
        snapshot = self._base(connection)
        terms = tuple(connection.execute("SELECT min(index), term FROM consensus_logentry GROUP BY term ORDER BY 1"))
        last = self._check(connection, snapshot, term, terms)
        self._hard_state, self._last_index = HardState(term, vote), last
        registers, records = register_storage.load(connection)
        self._prepare(connection, registers)
        memberships = tuple(self._memberships(connection))
        return StoredState(
            self._hard_state,
            epoch,
            incarnation,
            snapshot,
            terms,
            memberships,
            last,
            diverged,
            registers,
            records,
            group_id,
        )

    def _base(self, connection: psycopg.Connection) -> Snapshot:
        row = connection.execute("SELECT index, term, membership FROM consensus_logbase").fetchone()
        return Snapshot(row[0], row[1], decode(row[2])) if row else Snapshot()

    def _memberships(self, connection: psycopg.Connection) -> Iterator[tuple[int, Membership]]:
        rows = connection.execute(
            "SELECT index, data FROM consensus_logentry WHERE kind = %s ORDER BY index", (EntryKind.MEMBERSHIP,)
        )
        return ((index, decode(data)) for index, data in rows)

    def _take_identity(self, connection: psycopg.Connection) -> None:
        deadline = time.monotonic() + self._lock_wait_s
        while True:
            (taken,) = connection.execute("SELECT pg_try_advisory_lock(%s)", (IDENTITY_LOCK,)).fetchone() or (False,)
            if taken:
                return
            if time.monotonic() > deadline:
                raise Fenced(f"another process runs as node {self._node} of group {self._group}: refusing to start")
            time.sleep(0.05)

    def _check(self, connection: psycopg.Connection, snapshot: Snapshot, term: int, terms: tuple) -> int:
        """Assertions at the reading end (scenarios N01, N02): what cannot be must not be worked with.

        Returns the index of the last entry.
        """
        base = snapshot.index
        first, last, size, applied = connection.execute(
            "SELECT coalesce(min(index), %(next)s), coalesce(max(index), %(base)s), count(*),"
            " coalesce((SELECT index FROM consensus_appliedstate), 0) FROM consensus_logentry",
            {"base": base, "next": base + 1},
        ).fetchone() or (0, 0, 0, 0)
        if first != base + 1 or last - base != size:
            raise InvariantViolation(f"the stored log has gaps: {size} entries from {first} to {last}, after {base}")
        if [run[1] for run in terms] != sorted(run[1] for run in terms) or (terms and terms[0][1] < snapshot.term):
            raise InvariantViolation("the terms of the stored log go down")
        if max([snapshot.term, *(run[1] for run in terms)]) > term:
            raise InvariantViolation(f"the stored log holds terms above the stored term {term}")
        if not base <= applied <= last:
            raise InvariantViolation(f"the tables are at {applied}, but the stored log goes from {base} to {last}")
        return last

    def _prepare(self, connection: psycopg.Connection, registers: RegisterHardState) -> None:
        self._registers = register_storage.RegisterTables(connection, self._epoch, registers)
        self._change = Prepared(connection, "change", CHANGE, FENCE_TYPES)
        self._follow = Prepared(connection, "follow", FOLLOW, FOLLOW_TYPES)
        self._follow_one = Prepared(connection, "follow_one", FOLLOW_ONE, FOLLOW_ONE_TYPES)
        self._append = Prepared(connection, "append", APPEND.format(fence=UNCHANGED), APPEND_TYPES)
        self._change_and_append = Prepared(connection, "change_append", APPEND.format(fence=CHANGE), APPEND_TYPES)

    def save(self, hard_state: HardState, entries: Sequence[Entry]) -> None:
        fence = bigint(self._epoch), bigint(hard_state.term), hard_state.vote.encode()
        same = hard_state == self._hard_state
        if not entries:
            held = self._change.run(*fence) == HELD
        elif same and entries[0].index == self._last_index + 1:
            if len(entries) == 1:
                (entry,) = entries
                row = bigint(entry.index), bigint(entry.term), bigint(entry.kind), entry.data
                held = self._follow_one.run_count(*fence, *row) == 1
            else:
                held = self._follow.run_count(*fence, self._rows(entries)) == len(entries)
        else:
            statement = self._append if same else self._change_and_append
            held = statement.run(*fence, bigint(entries[-1].index), self._rows(entries)) == HELD
        if not held:
            raise self._fenced()
        self._hard_state = hard_state
        if entries:
            self._last_index = entries[-1].index

    def _rows(self, entries: Sequence[Entry]) -> bytes:
        assert self._connection is not None, "open first"
        return LOG_ROW.of((entry.index, entry.term, entry.kind, entry.data) for entry in entries).encode(
            self._connection
        )

    def save_registers(
        self, hard_state: RegisterHardState | None, records: Sequence[tuple[str, Record | None]]
    ) -> None:
        if not self._registers.save(hard_state, records):
            raise self._fenced()

    def _fenced(self) -> Fenced:
        return Fenced(f"node {self._node} lost its identity: epoch {self._epoch} is not the current one")

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection]:
        """A fenced transaction on the session that holds the identity."""
        assert self._connection is not None, "open first"
        try:
            with self._connection.transaction():
                if self._connection.execute(FENCE, (self._epoch,)).fetchone() is None:
                    raise self._fenced()
                yield self._connection
        except UnknownVersion:
            # Nothing was written and the session is sound, but psycopg forgets all prepared statements on a rollback.
            self._connection.execute("DEALLOCATE ALL")
            self._prepare(self._connection, self._registers.hard_state)
            raise

    def found(self, membership: Membership, group_id: str) -> None:
        with self._transaction() as connection:
            self._begin_after(connection, Snapshot(0, 0, membership))
            membership_rows.write(connection, membership)
            connection.execute(SET_GROUP_ID, (group_id,))
            self._registers.clear()

    def compact(self, snapshot: Snapshot) -> None:
        # Commits are flushed in order: what the tables were given before, asynchronously, is durable with this one.
        with self._transaction() as connection:
            self._begin_after(connection, snapshot)
            connection.execute("DELETE FROM consensus_logentry WHERE index <= %s", (snapshot.index,))

    def install(self, snapshot: Snapshot, image: PostgresReceivedImage, keep_log: bool) -> None:
        with self._transaction() as connection:
            self._begin_after(connection, snapshot)
            connection.execute("DELETE FROM consensus_logentry WHERE index <= %s OR NOT %s", (snapshot.index, keep_log))
            load(connection, image, snapshot.index, self._tables)
            connection.execute(MARK_DIVERGED, ("",))
        self._last_index = self._last_index if keep_log else snapshot.index

    def restore(self, snapshot: Snapshot, image: PostgresReceivedImage, index: int) -> None:
        with self._transaction() as connection:
            self._begin_after(connection, snapshot)
            connection.execute("DELETE FROM consensus_logentry")
            try:
                load(connection, image, index, self._tables)
            except (InvariantViolation, psycopg.DataError, psycopg.IntegrityError) as error:
                raise UnknownVersion(f"the image cannot be loaded: {error}") from error
            connection.execute("UPDATE consensus_appliedstate SET index = %s", (snapshot.index,))
            connection.execute("DELETE FROM consensus_member")
            membership_rows.write(connection, snapshot.membership)
            for table in self._tables:
                if table.restored:
                    connection.execute(table.restored, {"index": snapshot.index})
            connection.execute(MARK_DIVERGED, ("",))
        self._last_index = snapshot.index

    def mark_diverged(self, reason: str) -> None:
        with self._transaction() as connection:
            connection.execute(MARK_DIVERGED, (reason,))

    @staticmethod
    def _begin_after(connection: psycopg.Connection, snapshot: Snapshot) -> None:
        connection.execute(BASE, (snapshot.index, snapshot.term, encode(snapshot.membership)))

    def read(self, first: int, last: int) -> list[Entry]:
        assert self._connection is not None, "open first"
        rows = self._connection.execute(
            "SELECT index, term, kind, data FROM consensus_logentry WHERE index BETWEEN %s AND %s ORDER BY index",
            (first, last),
        )
        entries = [Entry(*row) for row in rows]
        if len(entries) != last - first + 1:
            raise InvariantViolation(f"log entries between {first} and {last} are missing from storage")
        return entries

    @property
    def descriptor(self) -> int:
        """Of the session's socket."""
        assert self._connection is not None, "open first"
        return self._connection.fileno()

    def take_notices(self) -> None:
        """Take what came without being asked for. Raises one of `CONNECTION_ERRORS` where the session has ended."""
        assert self._connection is not None, "open first"
        self._connection.pgconn.consume_input()

    def close(self) -> None:
        """End the session, and with it the hold on the node's identity."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


CONNECTION_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError, pg_errors.ReadOnlySqlTransaction)
