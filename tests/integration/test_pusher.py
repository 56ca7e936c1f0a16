"""Pushing to a server that takes its time: its connection is played by the test."""

import hiredis

from consensus.pusher import PUSH_BYTES, Pusher
from tests.support.listener import Listener, answering
from tests.support.loop import Loop

ITEMS = [b"%d" % number * PUSH_BYTES for number in range(7)]


def test_what_the_socket_does_not_take_at_once_leaves_without_anything_else_to_send(
    loop: Loop, listener: Listener
) -> None:
    url = f"redis://127.0.0.1:{listener.port}/0"

    def begin() -> Pusher[bytes]:
        return Pusher(loop.reactor, "to-n1", url, lambda items: [("RPUSH", "inbox", *items)], len)

    pusher = loop.call(begin)
    pusher._channel._reply_timeout_s = 60.0
    connection = answering(listener.accept())

    def put_all() -> None:
        for item in ITEMS:
            pusher.put(item)
        pusher.flush()

    loop.call(put_all)
    # Nothing was taken yet, and it is more than both ends hold.
    assert loop.call(lambda: len(pusher._items)) > 0
    expected = b"".join(hiredis.pack_command(("RPUSH", "inbox", item)) for item in ITEMS)
    taken = bytearray()
    while len(taken) < len(expected):
        taken += connection.recv(1 << 20)
    assert taken == expected
    loop.call(pusher.stop)
