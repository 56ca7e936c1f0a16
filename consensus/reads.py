"""How fresh reads of this node's tables are: at least at some index, or linearizable (Raft thesis 6.4).

The runtime says how far it has applied, but applying is not flushed at once (applier.py): after a crash of Postgres
the tables may be behind what was said, until the last of it is applied again from the log. So whoever reads looks at
the tables themselves, on the connection that is read from afterwards.
"""

import time
from contextlib import suppress

from consensus import client as consensus_client
from consensus.conf import get_config
from consensus.errors import DeadlineExceeded, NoLeader
from consensus.sql import execute

WAIT_S, LOOK_AGAIN_S = 0.5, 0.02


def applied_index() -> int:
    """The index that this node's tables are at: at least that of anything read afterwards."""
    row = execute("SELECT index FROM consensus_appliedstate").fetchone()
    return row[0] if row else 0


def catch_up(deadline_s: float | None = None) -> int:
    """Wait until the tables hold all that was committed when this was called; the index that they are at then.

    What this thread reads afterwards is linearizable. Raises `NoLeader`, `Diverged`, `DeadlineExceeded`.
    """
    return reach(consensus_client.get_client().read_index(deadline_s), deadline_s)


def reach(index: int, deadline_s: float | None = None) -> int:
    """Wait until the tables are at ``index`` or further; the index that they are at. Raises `DeadlineExceeded`."""
    until_s = time.monotonic() + (get_config().deadline_s if deadline_s is None else deadline_s)
    while (applied := applied_index()) < index:
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise DeadlineExceeded(f"this node has not applied revision {index} in time")
        # Between two lives of the node it says that there is no leader, and what it is asked in one life it does not
        # answer in the next. What counts is what the tables hold.
        with suppress(NoLeader, DeadlineExceeded):
            consensus_client.get_client().wait_applied(index, min(left_s, WAIT_S))
        time.sleep(LOOK_AGAIN_S)
    return applied
