"""What a node publishes about itself, on whole simulated nodes."""

from types import SimpleNamespace

import pytest

from consensus import publisher
from consensus.publisher import StatusPublisher
from tests.consensus.groups import Group


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "write_to_database", lambda status: None)


def test_a_node_that_led_and_lost_its_majority_is_as_old_as_its_leading(kept: None) -> None:
    """It never followed anybody, so it has never heard from a leader."""
    group = Group()
    group.write()
    leader = group.settled()
    feed = SimpleNamespace(publish_status=lambda status: None, add_point=lambda point: None)
    codec = SimpleNamespace(counters={})
    transport = SimpleNamespace(failing=list, dropped=lambda: 0, oversized=0)
    published = StatusPublisher(leader.config, feed, codec, transport)

    def age_ms() -> int | None:
        published.publish(leader.driver, int(leader.clock_ms))
        return published._status(leader.driver, int(leader.clock_ms)).leader_heard_ms

    group.run_for(5000)
    assert age_ms() == 0
    for machine in group.machines.values():
        if machine is not leader:
            machine.pause(True)
    group.until(lambda: group.leader() is None)
    group.run_for(3000)
    longest_ms = 3000 + 2 * leader.config.election_timeout_max_ms
    assert 3000 <= (age_ms() or 0) <= longest_ms + 1000
