"""What becomes of requests when the node's Redis is silent: each of its connections is played by the test."""

import socket
import threading
from collections.abc import Callable

import pytest

from consensus.conf import NodeConfig
from consensus.request_sender import RequestSender
from consensus.requests import ProposeRequest, ReadRequest, Request, TransferRequest, requests_decoder
from tests.support.listener import Listener, answering, read_until
from tests.support.waiting import eventually

READ = ReadRequest("answers", 1, 60_000)
PROPOSAL = ProposeRequest("answers", 2, 60_000, "r", 0, b"x")
TRANSFER = TransferRequest("answers", 3, 60_000, "n2")
DONE = b":1\r\n:1\r\n"


class Asker:
    """Keeps what got no answer, and what was sent once more."""

    def __init__(self, port: int):
        self.failed: list[tuple[Request, bool]] = []
        self.repeated: list[Request] = []
        self.given_up: list[Request] = []
        self.lock = threading.Lock()
        url = f"redis://127.0.0.1:{port}/0"
        self._sender = RequestSender(NodeConfig("senders", "n1", url, {"n1": url}), self)

    def fail(self, requests: list[Request], reason: str, certain: bool) -> None:
        assert "Redis" in reason
        self.failed += [(request, certain) for request in requests]

    def still_wanted(self, requests: list[Request]) -> list[Request]:
        wanted = [request for request in requests if request not in self.given_up]
        self.repeated += wanted
        return wanted

    def exclusively(self, work: Callable[[], None]) -> None:
        with self.lock:
            work()

    def submit(self, *requests: Request) -> None:
        with self.lock:
            self._sender.send(list(requests))

    def look(self) -> list[tuple[Request, bool]]:
        """As the client does while an answer is late."""
        with self.lock:
            self._sender.give_up_if_late()
        return self.failed


@pytest.fixture
def asker(listener: Listener) -> Asker:
    return Asker(listener.port)


def pushed(connection: socket.socket) -> list[Request]:
    """What the next push on this connection holds."""
    data = read_until(connection, b"EXPIRE")
    size, _, rest = data[data.index(b"requests") :].partition(b"\r\n$")[2].partition(b"\r\n")
    return requests_decoder.decode(rest[: int(size)])


def test_what_a_silent_connection_may_have_swallowed_is_sent_once_more(listener: Listener, asker: Asker) -> None:
    asker.submit(READ, PROPOSAL)
    assert pushed(answering(listener.accept())) == [READ, PROPOSAL]
    second = answering(listener.accept(meanwhile=asker.look))
    assert pushed(second) == asker.repeated == [READ, PROPOSAL]
    second.sendall(DONE)
    asker.submit(READ)
    assert pushed(second) == [READ]
    assert asker.failed == []


def test_what_nobody_waits_for_any_more_is_not_sent_again(listener: Listener, asker: Asker) -> None:
    asker.submit(PROPOSAL, READ)
    assert pushed(answering(listener.accept())) == [PROPOSAL, READ]
    asker.given_up = [PROPOSAL]
    assert pushed(answering(listener.accept(meanwhile=asker.look))) == [READ]


def test_what_is_not_harmless_to_ask_twice_is_not_sent_again(listener: Listener, asker: Asker) -> None:
    asker.submit(TRANSFER, READ)
    assert pushed(answering(listener.accept())) == [TRANSFER, READ]
    assert eventually(asker.look) == [(TRANSFER, False)]
    assert pushed(answering(listener.accept())) == [READ]


def test_what_was_swallowed_twice_may_have_arrived(listener: Listener, asker: Asker) -> None:
    asker.submit(READ, PROPOSAL)
    answering(listener.accept())
    answering(listener.accept(meanwhile=asker.look))
    assert eventually(asker.look) == [(READ, False), (PROPOSAL, False)]


def test_after_a_server_that_is_gone_what_was_swallowed_is_unknown_and_what_is_new_refused(
    listener: Listener, asker: Asker
) -> None:
    asker.submit(PROPOSAL)
    assert pushed(answering(listener.accept())) == [PROPOSAL]
    listener.close()
    assert eventually(asker.look) == [(PROPOSAL, False)]
    asker.submit(READ)
    assert eventually(lambda: asker.failed[1:]) == [(READ, True)]


def test_a_new_connection_that_is_silent_is_tried_twice(listener: Listener, asker: Asker) -> None:
    asker.submit(PROPOSAL)
    read_until(listener.accept(), b"PING")
    asker.submit(READ)
    second = answering(listener.accept())
    assert pushed(second) == [PROPOSAL]
    assert asker.failed == []


def test_a_server_that_never_says_anything_costs_nobody_the_deadline(asker: Asker) -> None:
    asker.submit(PROPOSAL, READ)
    assert eventually(lambda: asker.failed) == [(PROPOSAL, True), (READ, True)]


def test_a_dial_that_cannot_even_begin_leaves_the_next_one_to_come(
    listener: Listener, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as changed, pytest.raises(RuntimeError):
        changed.setattr(threading.Thread, "start", start)
        asker.submit(PROPOSAL)
    asker.submit(READ)
    assert pushed(answering(listener.accept())) == [PROPOSAL]
