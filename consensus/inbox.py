"""The receiving thread: takes frames of peers and requests of local processes from this node's Redis.

One round trip waits for something to come and then takes from every list at once. The thread survives any outage of
its Redis and says whether it is connected.
"""

import logging
import random
import threading
from collections.abc import Callable, Iterable

import msgspec
import redis

from consensus import keys
from consensus.conf import NodeConfig
from consensus.frames import FrameCodec
from consensus.redis_io import Link
from consensus.wire import PeerMessage, Request, requests_decoder

logger = logging.getLogger(__name__)

BLOCK_S = 1
TAKE_AT_ONCE = 256


class Inbox(threading.Thread):
    """``deliver(received, requests)`` is called from this thread with what arrived together."""

    def __init__(
        self,
        config: NodeConfig,
        codec: FrameCodec,
        deliver: Callable[[list[tuple[str, PeerMessage]], list[Request]], None],
    ):
        super().__init__(name="inbox", daemon=True)
        self._config = config
        self._codec = codec
        self._deliver = deliver
        self._stopping = False
        self._requests_key = keys.requests(config.group, config.node).encode()
        self._sources: dict[bytes, str] = {}
        self.set_members(config.members)
        self.connected = False

    def set_members(self, members: Iterable[str]) -> None:
        """Read the inboxes of exactly these, this node left out, from the next round on (at most `BLOCK_S`)."""
        group, node = self._config.group, self._config.node
        self._sources = {keys.inbox(group, node, peer).encode(): peer for peer in sorted(members) if peer != node}

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        link: Link | None = None
        sources: dict[bytes, str] = {}
        while not self._stopping:
            try:
                if link is None or sources is not self._sources:
                    link = link or Link(self._config.redis_url, timeout_s=BLOCK_S + 1)
                    sources = self._sources
                    inboxes = [self._requests_key, *sources]
                    take = self._take_commands(link, inboxes)
                self._hand_on(sources, self._taken(inboxes, link.run_packed(take, 1 + len(inboxes))))
                self.connected = True
            except (redis.RedisError, OSError) as error:
                if self.connected:
                    logger.warning("this node's Redis is away: %s", error)
                self.connected = False
                if link is not None:
                    link.close()
                    link = None
                threading.Event().wait(random.uniform(0.05, 0.2))
        if link is not None:
            link.close()

    @staticmethod
    def _take_commands(link: Link, inboxes: list[bytes]) -> list[bytes]:
        """Wait for the first item, then take all there is: the server runs the second part when the first ends."""
        return link.pack(("BLPOP", *inboxes, BLOCK_S), *(("LPOP", key, TAKE_AT_ONCE) for key in inboxes))

    @staticmethod
    def _taken(inboxes: list[bytes], replies: list) -> list[tuple[bytes, bytes]]:
        first, *rest = replies
        items = [] if first is None else [(first[0], first[1])]
        for key, found in zip(inboxes, rest, strict=True):
            items.extend((key, raw) for raw in found or ())
        return items

    def _hand_on(self, sources: dict[bytes, str], items: list[tuple[bytes, bytes]]) -> None:
        received: list[tuple[str, PeerMessage]] = []
        requests: list[Request] = []
        for key, raw in items:
            if key == self._requests_key:
                try:
                    requests.extend(requests_decoder.decode(raw))
                except msgspec.DecodeError:
                    self._codec.counters["request"] += 1
            else:
                source = sources[key]
                received.extend((source, message) for message in self._codec.open(raw, source))
        if received or requests:
            self._deliver(received, requests)
