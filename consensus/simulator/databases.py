"""What happens to a node's database behind its back: it is lost, or an older copy takes its place (R46, N04)."""

import enum
from dataclasses import dataclass

from consensus.raft.messages import Entry
from consensus.simulator.disk import Disk
from consensus.simulator.tables import Tables


class Fate(enum.Enum):
    """What became of a node's database. Whoever's is not ``WHOLE`` has forgotten promises, and must never act again."""

    WHOLE = "whole"
    LOST = "lost"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Backup:
    """All of a database at one moment: its disk, and what its tables had applied by then."""

    disk: Disk
    applied: tuple[Entry, ...]
    damage: int

    @classmethod
    def of(cls, disk: Disk, tables: Tables) -> "Backup":
        return cls(disk.copy(), tuple(tables.applied), tables.damage)

    def is_older_than(self, disk: Disk) -> bool:
        """Whether ``disk`` has promised anything since: begun a life, a term, a vote, or written entries."""
        mine = (self.disk.epoch, self.disk.hard_state, self.disk.end)
        return mine != (disk.epoch, disk.hard_state, disk.end)

    def restore(self, tables: Tables) -> Disk:
        """The disk as it was then; ``tables`` become what they were."""
        tables.replace(self.applied, self.damage)
        return self.disk.copy()
