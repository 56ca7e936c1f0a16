"""What the event loop answers to requests before Django sees them."""

import asyncio

import pytest
from django.http import HttpResponse

from config_service import bridge

SENDING = {"type": "http.request", "body": b"1234", "more_body": True}
LAST = {"type": "http.request", "body": b"1234", "more_body": False}


@pytest.mark.parametrize(
    ("messages", "read"),
    [
        ([SENDING] * 3 + [LAST], 4),  # to its end
        ([SENDING] * 20, 6),  # as much again as may be sent
        ([SENDING] * 3 + [{"type": "http.disconnect"}], 4),
    ],
)
def test_whoever_sends_too_much_can_read_the_answer_and_knows_that_the_connection_ends(monkeypatch, messages, read):
    monkeypatch.setattr(bridge, "MOST_BYTES", 10)
    waiting = list(messages)
    asked = bridge.DjangoBridge(None, 8, lambda status: HttpResponse(status=status))

    async def receive():
        return waiting.pop(0)

    answer = asyncio.run(asked.ask({"method": "PUT"}, receive))
    assert answer.status_code == 413 and answer["Connection"] == "close"
    assert len(messages) - len(waiting) == read
    assert asked.waiting == 0
