"""Snapshots of this group as files, and a new group from one: what the API calls."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
from django.utils.module_loading import import_string

from consensus import client as consensus_client
from consensus.backup import BLOCK_BYTES, VERSION, BackupHeader, head_of
from consensus.conf import database_dsn, get_config
from consensus.errors import NoLeader
from consensus.images import OWN_TABLES, FileImage, make_in, snapshot_of_tables
from consensus.services import now, require_agreement

# Loading the last piece takes as long as the tables are large.
RESTORE_DEADLINE_S = 900.0
MEMBERS = "SELECT node, voter FROM consensus_member ORDER BY node"


@dataclass(frozen=True, slots=True)
class Backup:
    """A snapshot in a temporary file, to be read once."""

    header: BackupHeader
    image: FileImage

    @property
    def size(self) -> int:
        return len(head_of(self.header)) + self.image.size

    def blocks(self) -> Iterator[bytes]:
        """All of the file; it is gone afterwards."""
        try:
            yield head_of(self.header)
            for offset in range(0, self.image.size, BLOCK_BYTES):
                yield self.image.read(offset, BLOCK_BYTES)
        finally:
            self.image.close()


def make_backup(registers: Callable[[], tuple[tuple[str, bytes], ...] | None] = lambda: None, least: int = 0) -> Backup:
    """A snapshot of the replicated tables as this node has applied them, at ``least`` or further.

    Raises `Diverged`, `NoLeader` where the tables are behind ``least``, and what ``registers`` raises: it is asked
    after the tables, so that it is at least as new as what they tell of registers.
    """
    require_agreement()
    config = get_config()
    tables = (*OWN_TABLES, *import_string(config.state_machine).tables)
    dsn = database_dsn("snapshot")
    with psycopg.connect(dsn, connect_timeout=3) as connection, snapshot_of_tables(connection) as index:
        if index < least:
            raise NoLeader(f"this node's tables are at {index}, and were at {least} just now")
        members = tuple(connection.execute(MEMBERS).fetchall())
        image = make_in(connection, index, tables)
    try:
        held = registers()
    except BaseException:
        image.close()
        raise
    header = BackupHeader(VERSION, config.group, config.node, index, now(), members, image.size, image.digest, held)
    return Backup(header, image)


def restore_piece(index: int, above: int, size: int, digest: bytes, offset: int, data: bytes) -> tuple[int, int]:
    """One piece of a snapshot's image, in order; returns (next byte wanted, index of the log's new beginning, 0 until
    all is done). Raises `Refused`, `NoLeader`, `DeadlineExceeded`."""
    return consensus_client.get_client().restore(index, above, size, digest, offset, data, RESTORE_DEADLINE_S)
