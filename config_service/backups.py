"""Taking a snapshot of the group: on record, since it holds the hashes of passwords, and since old ones are told of."""

import logging
from collections.abc import Iterator
from functools import partial

from config_service.audit.commands import RecordSnapshot
from config_service.proposing import all_read, propose
from config_service.switches.board import get_board
from config_service.switches.services import read_switches
from config_service.switches.stored import SwitchSnapshot
from consensus import backups
from consensus.errors import ConsensusError

logger = logging.getLogger(__name__)

# The version of commands by which the group can read the record.
RECORD_SINCE = 2
AT_ONCE = 100


def take_backup(actor: str, *, least: int = 0, without_majority: bool = False) -> backups.Backup:
    """A snapshot as this node has applied it, at ``least`` or further, with all switches, each linearizable on its
    own. Raises `consensus.errors.ConsensusError`, also where it cannot be put on record.

    ``without_majority``: nobody is asked about the switches, and it is handed out off the record where it must be. A
    group that has lost its majority needs it most.
    """
    made = backups.make_backup(partial(_switches, without_majority), least)
    if not all_read(RECORD_SINCE):
        return made
    try:
        propose(RecordSnapshot(made.header.index, made.header.digest), actor)
    except ConsensusError as error:
        if not without_majority:
            made.image.close()
            raise
        logger.warning("a snapshot of %d goes to %s and is not on record: %s", made.header.index, actor, error)
    return made


def _switches(stale: bool) -> tuple[tuple[str, bytes], ...] | None:
    """Name and value, as JSON. ``stale``: as this node has learned them; None where it cannot tell."""
    if not stale:
        found = list(_all_switches())
    else:
        try:
            found = list(get_board().switches().values())
        except ConsensusError as error:
            logger.warning("a snapshot is made without switches: %s", error)
            return None
    return tuple((switch.name, switch.value_json.encode()) for switch in found)


def _all_switches() -> Iterator[SwitchSnapshot]:
    after: str | None = ""
    while after is not None:
        page, after = read_switches(after, AT_ONCE)
        yield from page
