"""Taking a snapshot of the group: on record, since it holds the hashes of passwords, and since old ones are told of."""

import logging

from config_service.audit.commands import RecordSnapshot
from config_service.proposing import all_read, propose
from consensus import backups
from consensus.errors import ConsensusError

logger = logging.getLogger(__name__)

# The version of commands by which the group can read the record.
RECORD_SINCE = 2


def take_backup(actor: str, *, unrecorded: bool = False) -> backups.Backup:
    """A snapshot as this node has applied it. Raises `consensus.errors.ConsensusError`, also where it cannot be put on
    record; with ``unrecorded`` it is handed out all the same then: a group that has lost its majority needs it most."""
    made = backups.make_backup()
    if not all_read(RECORD_SINCE):
        return made
    try:
        propose(RecordSnapshot(made.header.index, made.header.digest), actor)
    except ConsensusError as error:
        if not unrecorded:
            made.image.close()
            raise
        logger.warning("a snapshot of %d goes to %s and is not on record: %s", made.header.index, actor, error)
    return made
