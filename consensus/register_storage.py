"""What a node has promised and accepted about registers, in its Postgres: for `storage`, in its session. Before the
node has a group, the only record is that of the decree which founds one (founding.py).

One statement makes a turn durable, fenced by the epoch like all that `storage` writes. By far the most frequent one,
a single record, has a statement of its own.
"""

from collections.abc import Mapping, Sequence

import psycopg

from consensus.errors import InvariantViolation
from consensus.paxos.ballot import Ballot
from consensus.paxos.messages import HardState, Record
from consensus.rows import BIGINT, BY_CAST, BYTEA, TEXT, RowType, byteas, texts
from consensus.sql import TEXT_ARRAY, Prepared, TextArray, bigint

FENCE = "SELECT 1 FROM consensus_hardstate WHERE id = 1 AND epoch = $1"
PUT = """
INSERT INTO consensus_register (name, promised, accepted, value) {rows}
ON CONFLICT (name) DO UPDATE SET promised = excluded.promised, accepted = excluded.accepted, value = excluded.value
"""
PUT_ONE = PUT.format(rows="SELECT $2, $3, $4, $5 FROM consensus_hardstate WHERE id = 1 AND epoch = $1")
ROWS = "SELECT * FROM unnest($3::consensus_register_row[]) WHERE EXISTS (SELECT 1 FROM fence)"
SAVE = f"""
WITH fence AS ({FENCE}), gone AS (
    DELETE FROM consensus_register WHERE name = ANY($2) AND EXISTS (SELECT 1 FROM fence)
), put AS ({PUT.format(rows=ROWS)}), state AS (
    INSERT INTO consensus_registerstate (id, reserved, floor, floor_version, membership)
    SELECT 1, $4, $5, $6, $7 FROM fence
    ON CONFLICT (id) DO UPDATE SET reserved = excluded.reserved, floor = excluded.floor,
        floor_version = excluded.floor_version, membership = excluded.membership
)
SELECT count(*) FROM fence
"""
PUT_ONE_TYPES = (BIGINT, TEXT, TEXT, TEXT, BYTEA)
SAVE_TYPES = (BIGINT, TEXT_ARRAY, BY_CAST, BIGINT, TEXT, BIGINT, BIGINT)
ROW = RowType("consensus_register_row", texts, texts, texts, byteas)
HELD = bigint(1)


def load(connection: psycopg.Connection) -> tuple[HardState, Mapping[str, Record]]:
    """Raises `InvariantViolation` for what cannot be."""
    row = connection.execute(
        "SELECT reserved, floor, floor_version, membership FROM consensus_registerstate"
    ).fetchone()
    hard_state = HardState(row[0], _ballot(row[1]), row[2], row[3]) if row else HardState()
    rows = connection.execute("SELECT name, promised, accepted, value FROM consensus_register")
    records = {name: Record(_ballot(promised), _ballot(accepted), value) for name, promised, accepted, value in rows}
    for name, record in records.items():
        if record.promised < record.accepted:
            raise InvariantViolation(f"register {name} has accepted {record.accepted} above its promise")
        if record.accepted.round and not record.value:
            raise InvariantViolation(f"register {name} has accepted nothing at {record.accepted}")
        own = max(record.promised, record.accepted).membership
        if own > hard_state.membership:
            raise InvariantViolation(f"register {name} is of membership {own}, the node of {hard_state.membership}")
    return hard_state, records


def _ballot(text: str) -> Ballot:
    membership, round, node = text.split(".", 2)
    return Ballot(int(membership), int(round), node)


class RegisterTables:
    """Of one session."""

    def __init__(self, connection: psycopg.Connection, epoch: int, hard_state: HardState):
        self._connection = connection
        self._epoch = bigint(epoch)
        self._hard_state = hard_state
        self._put_one = Prepared(connection, "register_put_one", PUT_ONE, PUT_ONE_TYPES)
        self._save = Prepared(connection, "register_save", SAVE, SAVE_TYPES)

    @property
    def hard_state(self) -> HardState:
        return self._hard_state

    def clear(self) -> None:
        """In the caller's transaction, which has looked at the epoch: a group begins without registers."""
        self._connection.execute("DELETE FROM consensus_register")
        self._connection.execute("DELETE FROM consensus_registerstate")
        self._hard_state = HardState()

    def save(self, hard_state: HardState | None, records: Sequence[tuple[str, Record | None]]) -> bool:
        """Whether this session's epoch still is the newest; if not, nothing was written."""
        if hard_state is None and len(records) == 1 and (record := records[0][1]) is not None:
            name = records[0][0].encode()
            promised, accepted = str(record.promised).encode(), str(record.accepted).encode()
            return self._put_one.run_count(self._epoch, name, promised, accepted, record.value) == 1
        state = hard_state or self._hard_state
        kept = [
            (name, str(record.promised), str(record.accepted), record.value)
            for name, record in records
            if record is not None
        ]
        held = self._save.run(
            self._epoch,
            TextArray([name for name, record in records if record is None]).data,
            ROW.of(kept).encode(self._connection),
            bigint(state.reserved),
            str(state.floor).encode(),
            bigint(state.floor_version),
            bigint(state.membership),
        )
        self._hard_state = state
        return held == HELD
