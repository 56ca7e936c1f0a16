"""What happens to a node's tables and log besides the daily work: trimmed, replaced by an image, verified.

`Upkeep` also knows why a node stands still (``halted``): what it met is of a newer release, its tables are being
rebuilt, or they have diverged. A node that stands still applies nothing; it still votes and acknowledges.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from consensus.admission import Admission
from consensus.compaction import Compactor
from consensus.conf import NodeConfig
from consensus.errors import UnknownVersion
from consensus.group_commands import VERIFY_MARK, VERIFY_SINCE
from consensus.ports import Applier, Digests, Images, Outcome, ReceivedImage, Storage, Transport
from consensus.raft.messages import Entry, EntryKind, Snapshot
from consensus.raft.node import ProposalRefused, RaftNode, Role
from consensus.restore import Restorer
from consensus.snapshots import SnapshotReceiver, SnapshotSender
from consensus.verification import Verification
from consensus.wire import SnapshotAck, SnapshotChunk, SnapshotRequest, TablesDigest

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What it works on and with."""

    storage: Storage
    transport: Transport
    applier: Applier
    images: Images
    digests: Digests


class Upkeep:
    """``diverged`` is what storage holds: see `Verification`."""

    def __init__(self, config: NodeConfig, node: RaftNode, around: Surroundings, admission: Admission, diverged: str):
        self._config = config
        self._node = node
        self._around = around
        self._admission = admission
        self._chunks: list[tuple[str, SnapshotChunk]] = []
        self.snapshots_out = SnapshotSender(node, around.transport, around.images)
        self.snapshots_in = SnapshotReceiver(node, around.transport, around.images, self._install)
        self.compactor = Compactor(config, node, around.storage)
        self.restorer = Restorer(config.node, node, around.storage, around.images)
        self.verification = Verification(config.node, node.has_majority, lambda: node.membership.everybody, diverged)
        self.halted = diverged

    def receive(
        self, source: str, message: SnapshotChunk | SnapshotAck | SnapshotRequest | TablesDigest, now_ms: int
    ) -> None:
        match message:
            case SnapshotChunk():
                self._chunks.append((source, message))
            case SnapshotAck():
                self.snapshots_out.on_ack(source, message, now_ms)
            case SnapshotRequest():
                self._node.needs_snapshot(source)
            case TablesDigest():
                self._notice(self.verification.heard(source, message))

    def look_at_log(self, now_ms: int) -> None:
        """The scheduler says: decide how far the log is to be trimmed."""
        self.compactor.look(now_ms, self.snapshots_out.held_index)

    def tick(self, now_ms: int) -> None:
        if self.verification.diverged:
            self.snapshots_out.close()  # nobody is to get these tables
        else:
            self.snapshots_out.tick(now_ms)
        self.compactor.step()
        digest = self._around.digests.take()
        if digest is not None and digest.index <= self._node.applied_index:
            self._notice(self.verification.took(digest))
            self._tell()

    def report(self) -> None:
        """Once a second: what others are to hear, in case they have not."""
        if self.snapshots_in.rebuilding and self._node.leader not in ("", self._config.node):
            self._around.transport.send(self._node.leader, [SnapshotRequest()])
        self._tell()

    # --- applying --------------------------------------------------------------------------------------------------
    def apply(self, committed: Sequence[Entry]) -> list[Outcome]:
        """Apply, stopping for a digest at every mark, and before what this release does not know."""
        outcomes: list[Outcome] = []
        for entries in _up_to_marks(committed):
            try:
                outcomes += self._around.applier.apply(entries)
            except UnknownVersion as error:
                # Guessing would make nodes differ: stand still, and say so, until a newer release runs here.
                self._halt(str(error))
                break
            last = entries[-1]
            self._node.applied(last.index)
            if any(entry.kind == EntryKind.MEMBERSHIP for entry in entries):
                self._admission.update_contacts()
            if last.kind == EntryKind.VERIFY:
                self._around.digests.begin(last.index)
        return outcomes

    def _halt(self, reason: str) -> None:
        self.halted = reason
        logger.critical("%s stops applying: %s", self._config.node, reason)

    # --- images ----------------------------------------------------------------------------------------------------
    def install_received(self) -> None:
        """After all else is durable, the term above all. Never while this node leads: a leader's log is whole."""
        chunks, self._chunks = self._chunks, []
        for source, chunk in chunks:
            if self._admission.admitted and self._node.role is not Role.LEADER:
                self.snapshots_in.on_chunk(source, chunk)

    def _install(self, snapshot: Snapshot, image: ReceivedImage) -> None:
        try:
            self._around.storage.install(snapshot, image, self._node.agrees_with(snapshot))
        except UnknownVersion as error:
            self._halt(f"it cannot take the image: {error}")
            return
        self._node.restore(snapshot)
        self._around.applier.reload()
        self._admission.update_contacts()
        self.verification.replaced()
        self.snapshots_in.rebuilding = False
        self.halted = ""
        logger.info("%s: the tables are those of index %d now", self._config.node, snapshot.index)

    def rebuild(self) -> None:
        """Stand still, and replace this node's tables by an image of the leader's."""
        self.snapshots_in.rebuilding = True
        self.halted = "its tables are being rebuilt"

    # --- digests ---------------------------------------------------------------------------------------------------
    def begin_verification(self) -> None:
        """The scheduler says: every node is to compare its tables with the others'. Only the leader begins."""
        if self._node.role is not Role.LEADER or self._config.command_version < VERIFY_SINCE:
            return
        try:
            self._node.propose([(EntryKind.VERIFY, VERIFY_MARK)])
        except ProposalRefused as refusal:
            logger.info("no digests this time: %s", refusal)

    def _notice(self, diverged: str) -> None:
        if diverged:
            self._around.storage.mark_diverged(diverged)
            self.verification.diverged = diverged
            self._halt(diverged)

    def _tell(self) -> None:
        digest = self.verification.to_tell()
        if digest is not None:
            for peer in sorted(self._node.membership.everybody - {self._config.node}):
                self._around.transport.send(peer, [digest])


def _up_to_marks(committed: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Cut after every mark."""
    start = 0
    for place, entry in enumerate(committed, 1):
        if entry.kind == EntryKind.VERIFY or place == len(committed):
            yield committed[start:place]
            start = place
