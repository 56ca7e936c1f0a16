"""Redis inboxes: to send is to push onto a list in the receiver's Redis.

One list a (destination, source) pair, bounded by dropping its oldest frames; one `Pusher` a peer, none of which ever
waits, so that a dead peer never slows a live one. Loss is allowed; order within a pair holds. Hellos go to a list that
everybody's go to, since the receiver may not know the sender yet.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from consensus import keys
from consensus.conf import NodeConfig
from consensus.frames import MAX_FRAME_BYTES, FrameCodec
from consensus.pusher import Pusher
from consensus.raft.messages import AppendRequest, Identity
from consensus.reactor import Reactor
from consensus.redis_io import Command
from consensus.wire import FoundingMessages, Hello, PeerMessage, ProposeForward, RegisterMessages, SnapshotChunk

MAX_INBOX_FRAMES = 4096
TRIM_EVERY = 16
FRAME_ROOM = MAX_FRAME_BYTES // 2

# (epoch, incarnation) of what is sent.
Life = tuple[int, str]
Item = tuple[Life, PeerMessage]


class RedisTransport:
    """Belongs to the reactor's thread. Frames of an earlier life of the node (`sender`) are refused by peers."""

    def __init__(self, reactor: Reactor, config: NodeConfig, codec: FrameCodec):
        self._reactor = reactor
        self._config = config
        self._codec = codec
        self._pushers: dict[str, Pusher] = {}
        self.oversized = 0
        self._rendered = 0
        self._dropped_before = 0
        self.set_members(config.members)

    def set_members(self, members: Mapping[str, str]) -> None:
        """Send to exactly these from now on: node -> URL of its Redis; this node itself is left out.

        What waits for a peer that goes, or moves, is dropped.
        """
        peers = {peer: url for peer, url in members.items() if peer != self._config.node}
        for peer, pusher in list(self._pushers.items()):
            if peers.get(peer) != pusher.url:
                del self._pushers[peer]
                pusher.stop()
                self._dropped_before += pusher.dropped
        for peer, url in peers.items():
            if peer not in self._pushers:
                self._pushers[peer] = Pusher(self._reactor, f"to-{peer}", url, partial(self._render, peer), _weight)

    def send(self, destination: str, life: Life, messages: Sequence[PeerMessage]) -> None:
        pusher = self._pushers.get(destination)
        if pusher is not None:
            for message in messages:
                pusher.put((life, message))
            pusher.flush()

    def _render(self, peer: str, items: list[Item]) -> list[Command]:
        """One RPUSH for all frames of a list; its bound is looked at now and then."""
        group, own = self._config.group, self._config.node
        hellos = [item for item in items if isinstance(item[1], Hello)]
        others = [item for item in items if not isinstance(item[1], Hello)] if hellos else items
        commands = self._push(keys.inbox(group, peer, own), self._frames(peer, others)) if others else []
        if hellos:
            commands += self._push(keys.hellos(group, peer), self._frames(peer, hellos))
        return commands

    def _push(self, key: str, frames: list[bytes]) -> list[Command]:
        if not frames:
            return []
        self._rendered += 1
        trim = [("LTRIM", key, -MAX_INBOX_FRAMES, -1)] if self._rendered % TRIM_EVERY == 0 else []
        return [("RPUSH", key, *frames), *trim]

    def _frames(self, peer: str, items: list[Item]) -> list[bytes]:
        """As few frames as the cap allows."""
        if len(items) == 1:
            ((life, message),) = items
            return self._fitting([self._codec.seal(peer, *life, [message])])
        frames: list[bytes] = []
        batch: list[PeerMessage] = []
        size, batch_life = 0, items[0][0]
        for life, message in items:
            weight = _weight((life, message))
            if batch and (life != batch_life or size + weight > FRAME_ROOM):
                frames.append(self._codec.seal(peer, *batch_life, batch))
                batch, size = [], 0
            batch.append(message)
            size += weight
            batch_life = life
        frames.append(self._codec.seal(peer, *batch_life, batch))
        return self._fitting(frames)

    def _fitting(self, frames: list[bytes]) -> list[bytes]:
        fitting = [frame for frame in frames if len(frame) <= MAX_FRAME_BYTES]
        self.oversized += len(frames) - len(fitting)
        return fitting

    def failing(self) -> list[str]:
        """Peers whose Redis cannot be reached now."""
        return [peer for peer, pusher in self._pushers.items() if pusher.failing]

    def dropped(self) -> int:
        return self._dropped_before + sum(pusher.dropped for pusher in self._pushers.values())

    def stop(self) -> None:
        for pusher in self._pushers.values():
            pusher.stop()


class LifeTransport:
    """The transport as one life of the node sees it (implements `ports.Transport`)."""

    def __init__(
        self,
        transport: RedisTransport,
        life: Life,
        set_contacts: Callable[[Mapping[str, Identity]], None],
        set_group_id: Callable[[str], None],
    ):
        self._transport = transport
        self._life = life
        self.set_contacts = set_contacts
        self.set_group_id = set_group_id

    def send(self, destination: str, messages: Sequence[PeerMessage]) -> None:
        self._transport.send(destination, self._life, messages)


def _weight(item: Item) -> int:
    """About how many bytes a message takes."""
    _, message = item
    if isinstance(message, AppendRequest):
        return 64 + sum(24 + len(entry.data) for entry in message.entries)
    if isinstance(message, SnapshotChunk):
        return 512 + len(message.data)
    if isinstance(message, ProposeForward):
        return 64 + sum(64 + len(proposal.data) for proposal in message.proposals)
    if isinstance(message, RegisterMessages | FoundingMessages):
        return 64 + sum(96 + len(getattr(one, "value", b"")) for one in message.messages)
    return 128
