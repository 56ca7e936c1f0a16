"""What several integration tests need."""

import pytest

from tests.support.loop import Loop


@pytest.fixture
def loop():
    """A reactor that runs in a thread of its own."""
    made = Loop()
    yield made
    made.close()
