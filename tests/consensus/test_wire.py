"""What can be sent can be read: the unions that the decoders are made of are complete."""

from typing import get_args

from consensus.requests import LocalRequest, Request
from consensus.wire import PeerMessage, Wire


def test_every_request_of_a_process_can_be_read() -> None:
    """One that is missing would take those down that travel with it."""
    assert set(LocalRequest.__subclasses__()) == set(get_args(Request))


def test_every_message_of_a_node_can_be_read() -> None:
    assert set(Wire.__subclasses__()) - {LocalRequest} <= set(get_args(PeerMessage))
