"""When the log is trimmed, and how far (P 7): by size and by age.

Looked at when the scheduler says so (`consensus.compact`). What is trimmed is applied, and was so for a while: entries
younger than ``log_keep_s``, and the last ``log_keep_entries``, stay, so that a node which was away shortly catches up
from the log; but never more than ``log_keep_bytes``. Ages are measured on the monotonic clock, from marks of how far
this life of the node had applied; nothing rests on them.
"""

from collections import deque
from dataclasses import dataclass

from consensus.conf import NodeConfig
from consensus.ports import Storage
from consensus.raft.node import RaftNode

# So many entries are dropped at once, so that the node's thread is never away for long.
BITE = 5_000


@dataclass(frozen=True, slots=True)
class Mark:
    """At ``at_ms`` everything up to ``index`` was applied, and ``written`` bytes of entries had been stored."""

    at_ms: int
    index: int
    written: int


class Compactor:
    def __init__(self, config: NodeConfig, node: RaftNode, storage: Storage):
        self._config = config
        self._node = node
        self._storage = storage
        self._marks: deque[Mark] = deque(maxlen=4096)
        self._target = 0
        self.written = 0

    def look(self, now_ms: int, held_index: int | None) -> None:
        """Decide how far to trim. ``held_index``: the log after it is still needed by a transfer."""
        config, applied = self._config, self._node.applied_index
        self._marks.append(Mark(now_ms, applied, self.written))
        target = 0
        while self._marks and self._marks[0].at_ms <= now_ms - config.log_keep_s * 1000:
            target = min(self._marks.popleft().index, applied - config.log_keep_entries)
        for mark in self._marks:
            if self.written - mark.written > config.log_keep_bytes:
                target = max(target, mark.index)
        self._target = max(self._target, target)
        if held_index is not None:
            self._target = min(self._target, held_index)

    def step(self) -> None:
        """Drop the next bite, if there is one."""
        node = self._node
        index = min(self._target, node.base_index + BITE, node.applied_index)
        if index > node.base_index:
            snapshot = node.snapshot_at(index)
            self._storage.compact(snapshot)
            node.compact(snapshot)
