"""Receiving: takes frames of peers and requests of local processes from this node's Redis.

One round waits for something to come and then takes from every list at once. The next round is asked for before what
came is looked at, so that Redis fetches while this node works. An outage of its Redis ends when the Redis is back.
"""

from collections.abc import Callable, Iterable

import hiredis
import msgspec

from consensus import keys
from consensus.channel import Channel
from consensus.conf import NodeConfig
from consensus.frames import FrameCodec
from consensus.reactor import Reactor
from consensus.redis_io import Command
from consensus.requests import Request, requests_decoder
from consensus.wire import PeerMessage

BLOCK_S = 1
TAKE_AT_ONCE = 256

Deliver = Callable[[list[tuple[str, PeerMessage]], list[Request]], None]


class Inbox:
    """Belongs to the reactor's thread. ``deliver(received, requests)`` is called with what arrived together."""

    def __init__(self, reactor: Reactor, config: NodeConfig, codec: FrameCodec, deliver: Deliver):
        self._reactor = reactor
        self._config = config
        self._codec = codec
        self._deliver = deliver
        self._channel: Channel | None = None
        self._requests_key = keys.requests(config.group, config.node).encode()
        self._sources: dict[bytes, str] = {}
        # Of the round that goes on: the lists it asked for, and what has come of it.
        self._asked: list[bytes] = []
        self._replies: list = []
        self.set_members(config.members)

    def set_members(self, members: Iterable[str]) -> list[bytes]:
        """Read the inboxes of exactly these, this node left out, from the next round on (at most `BLOCK_S`).

        Returns the keys that nobody reads any longer.
        """
        group, node = self._config.group, self._config.node
        sources = {keys.inbox(group, node, peer).encode(): peer for peer in sorted(members) if peer != node}
        sources[keys.hellos(group, node).encode()] = ""  # anybody's
        gone = [key for key in self._sources if key not in sources]
        self._sources = sources
        self._inboxes = [self._requests_key, *sources]
        self._packed = _pack(self._inboxes)
        return gone

    def start(self) -> None:
        """Begin, if that has not happened: from now on this process takes the node's messages."""
        if self._channel is None:
            self._channel = Channel(
                self._reactor,
                "inbox",
                self._config.redis_url,
                self._ask,
                self._replied,
                lambda: None,
                reply_timeout_s=BLOCK_S + 1,
                listens=True,
            )

    def stop(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _ask(self) -> None:
        self._asked, self._replies = self._inboxes, []
        self._channel.write(self._packed, 1 + len(self._asked))

    def _replied(self, reply: object) -> None:
        self._replies.append(reply)
        if len(self._replies) <= len(self._asked):
            return
        inboxes, (first, *rest) = self._asked, self._replies
        self._ask()
        items = [] if first is None else [(first[0], first[1])]
        for key, found in zip(inboxes, rest, strict=True):
            items.extend((key, raw) for raw in found or ())
        self._hand_on(items)

    def _hand_on(self, items: list[tuple[bytes, bytes]]) -> None:
        received: list[tuple[str, PeerMessage]] = []
        requests: list[Request] = []
        for key, raw in items:
            if key == self._requests_key:
                try:
                    requests.extend(requests_decoder.decode(raw))
                except msgspec.DecodeError:
                    self._codec.counters["request"] += 1
            elif key in self._sources:
                source, messages = self._codec.open(raw, self._sources[key])
                received.extend((source, message) for message in messages)
        if received or requests:
            self._deliver(received, requests)


def _pack(inboxes: list[bytes]) -> bytes:
    """Wait for the first item, then take all there is: the server runs the second part when the first ends."""
    takes: list[Command] = [("LPOP", key, TAKE_AT_ONCE) for key in inboxes]
    return b"".join(map(hiredis.pack_command, [("BLPOP", *inboxes, BLOCK_S), *takes]))
