"""What several integration tests need."""

from collections.abc import Iterator

import pytest

from tests.support.listener import Listener
from tests.support.loop import Loop


@pytest.fixture
def loop():
    """A reactor that runs in a thread of its own."""
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()
