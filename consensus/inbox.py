"""The receiving thread: takes frames of peers and requests of local processes from this node's Redis.

While something is there, one round trip takes from every list at once; when nothing is, it blocks. It survives any
outage of its Redis and says whether it is connected.
"""

import logging
import random
import threading
from collections.abc import Callable

import msgspec
import redis

from consensus import keys
from consensus.conf import NodeConfig
from consensus.frames import FrameCodec
from consensus.redis_io import connect
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
        self._sources = {keys.inbox(config.group, config.node, peer).encode(): peer for peer in config.peers}
        self._requests_key = keys.requests(config.group, config.node).encode()
        self._keys = [self._requests_key, *self._sources]
        self.connected = False

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        client: redis.Redis | None = None
        while not self._stopping:
            try:
                client = client or connect(self._config.redis_url, timeout_s=BLOCK_S + 1)
                self._receive(client)
                self.connected = True
            except (redis.RedisError, OSError) as error:
                if self.connected:
                    logger.warning("this node's Redis is away: %s", error)
                self.connected = False
                if client is not None:
                    client.close()
                    client = None
                threading.Event().wait(random.uniform(0.05, 0.2))
        if client is not None:
            client.close()

    def _receive(self, client: redis.Redis) -> None:
        first = client.blpop(self._keys, timeout=BLOCK_S)
        if first is None:
            return
        self._hand_on([first])
        while not self._stopping:
            pipeline = client.pipeline(transaction=False)
            for key in self._keys:
                pipeline.lpop(key, TAKE_AT_ONCE)
            taken = [
                (key, raw) for key, items in zip(self._keys, pipeline.execute(), strict=True) for raw in items or ()
            ]
            if not taken:
                return
            self._hand_on(taken)

    def _hand_on(self, items: list[tuple[bytes, bytes]]) -> None:
        received: list[tuple[str, PeerMessage]] = []
        requests: list[Request] = []
        for key, raw in items:
            if key == self._requests_key:
                try:
                    requests.extend(requests_decoder.decode(raw))
                except msgspec.DecodeError:
                    self._codec.counters["request"] += 1
            else:
                source = self._sources[key]
                received.extend((source, message) for message in self._codec.open(raw, source))
        if received or requests:
            self._deliver(received, requests)
