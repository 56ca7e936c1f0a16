"""What becomes of requests when the node's Redis is silent: each of its connections is played by the test."""

import socket
import threading
from collections.abc import Callable

import pytest

from consensus.conf import NodeConfig
from consensus.request_sender import RequestSender
from consensus.requests import ProposeRequest, ReadRequest, Request, TransferRequest, requests_decoder
from tests.support.listener import Listener, read_until
from tests.support.waiting import eventually

READ = ReadRequest("answers", 1, 60_000)
PROPOSAL = ProposeRequest("answers", 2, 60_000, "r", 0, b"x")
TRANSFER = TransferRequest("answers", 3, 60_000, "n2")
DONE = b":1\r\n:1\r\n"


class Sender(RequestSender):
    """Keeps what got no answer."""

    def __init__(self, port: int, database: int):
        self.failed: list[tuple[Request, bool]] = []
        self.lock = threading.Lock()
        url = f"redis://127.0.0.1:{port}/{database}"
        super().__init__(NodeConfig("senders", "n1", url, {"n1": url}), self._keep, self._alone)

    def _keep(self, requests: list[Request], reason: str, certain: bool) -> None:
        assert "Redis" in reason
        self.failed += [(request, certain) for request in requests]

    def _alone(self, work: Callable[[], None]) -> None:
        with self.lock:
            work()

    def submit(self, *requests: Request) -> None:
        with self.lock:
            self.send(list(requests))

    def look(self) -> list[tuple[Request, bool]]:
        """As the client does while an answer is late."""
        with self.lock:
            self.give_up_if_late()
        return self.failed


@pytest.fixture
def sender(listener: Listener) -> Sender:
    return Sender(listener.port, 0)


def pushed(connection: socket.socket) -> list[Request]:
    """What the next push on this connection holds."""
    data = read_until(connection, b"EXPIRE")
    size, _, rest = data[data.index(b"requests") :].partition(b"\r\n$")[2].partition(b"\r\n")
    return requests_decoder.decode(rest[: int(size)])


def test_what_a_silent_connection_may_have_swallowed_is_sent_once_more(listener: Listener, sender: Sender) -> None:
    sender.submit(READ, PROPOSAL)
    assert pushed(listener.accept()) == [READ, PROPOSAL]
    second = listener.accept(meanwhile=sender.look)
    assert pushed(second) == [READ, PROPOSAL]
    second.sendall(DONE)
    sender.submit(READ)
    assert pushed(second) == [READ]
    assert sender.failed == []


def test_what_is_not_harmless_to_ask_twice_is_not_sent_again(listener: Listener, sender: Sender) -> None:
    sender.submit(TRANSFER, READ)
    assert pushed(listener.accept()) == [TRANSFER, READ]
    assert eventually(sender.look) == [(TRANSFER, False)]
    assert pushed(listener.accept()) == [READ]


def test_what_was_swallowed_twice_may_have_arrived(listener: Listener, sender: Sender) -> None:
    sender.submit(READ, PROPOSAL)
    listener.accept()
    listener.accept(meanwhile=sender.look)
    assert eventually(sender.look) == [(READ, False), (PROPOSAL, False)]


def test_after_a_server_that_is_gone_what_was_swallowed_is_unknown_and_what_is_new_refused(
    listener: Listener, sender: Sender
) -> None:
    sender.submit(PROPOSAL)
    assert pushed(listener.accept()) == [PROPOSAL]
    listener.close()
    assert eventually(sender.look) == [(PROPOSAL, False)]
    sender.submit(READ)
    assert eventually(lambda: sender.failed[1:]) == [(READ, True)]


def test_a_new_connection_that_is_silent_is_tried_twice(listener: Listener) -> None:
    sender = Sender(listener.port, database=1)
    sender.submit(PROPOSAL)
    read_until(listener.accept(), b"SELECT")
    sender.submit(READ)
    second = listener.accept()
    read_until(second, b"SELECT")
    second.sendall(b"+OK\r\n")
    assert pushed(second) == [PROPOSAL]
    assert sender.failed == []


def test_a_server_that_never_says_anything_costs_nobody_the_deadline(listener: Listener) -> None:
    sender = Sender(listener.port, database=1)
    sender.submit(PROPOSAL, READ)
    assert eventually(lambda: sender.failed) == [(PROPOSAL, True), (READ, True)]
