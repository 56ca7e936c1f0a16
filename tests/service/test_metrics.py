"""What a monitoring system finds at /metrics."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config_service.api.metrics import count
from consensus import services
from consensus.status import MemberStatus, Read, Status

MEMBERS = (
    MemberStatus("n1", "follower", 3, 9, 7, 0, "active", "", ""),
    MemberStatus("n2", "leader", 3, 12, 12, 40, "active", "", ""),
    MemberStatus("n3", "unknown", 0, 0, 0, None, "draining", "", "a newer release wrote this"),
)
STATUS = Status("g", "n1", "n2", 3, "follower", 5, 9, 7, 9, 40, 0.0, 2, 30, {"tag": 4}, 6, MEMBERS)


@pytest.fixture
def read(monkeypatch):
    state = {"read": Read(STATUS, 0.1)}
    monkeypatch.setattr(services, "read_status", lambda: state["read"])
    return state


def scrape(client) -> dict[tuple, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.content.decode())
    return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}


def test_the_node_and_its_members(client, read):
    found = scrape(client)
    for name, value in (
        ("config_runtime_up", 1), ("config_raft_term", 3), ("config_raft_commit_index", 9),
        ("config_raft_applied_index", 7), ("config_raft_proposals_waiting", 2), ("config_frames_dropped_total", 6),
        ("config_leader_heard_seconds", 0.04), ("config_scheduler_late_seconds", 0.03),
    ):  # fmt: skip
        assert found[name,] == value, name
    assert found["config_raft_role", "follower"] == 1 and found["config_raft_role", "leader"] == 0
    assert found["config_frames_refused_total", "tag"] == 4
    assert [found["config_member_lag", node] for node in ("n1", "n2", "n3")] == [5, 0, 12]
    assert found["config_member_heard_seconds", "n2"] == 0.04 and ("config_member_heard_seconds", "n3") not in found
    assert (found["config_member_halted", "n3"], found["config_member_active", "n3"]) == (1, 0)
    assert ("process_resident_memory_bytes",) in found


def test_a_runtime_that_is_gone_or_never_was(client, read):
    read["read"] = Read(STATUS, 60.0)
    assert scrape(client)["config_runtime_up",] == 0
    read["read"] = Read(None, 0.0)
    found = scrape(client)
    assert found["config_runtime_up",] == 0 and ("config_raft_term",) not in found


def test_requests_are_counted_by_method_and_status(client, read):
    before = scrape(client)
    count("GET", 200)
    count("BREW", 405)
    count("BREWED", 405)
    after = scrape(client)
    assert (
        after["config_http_requests_total", "200", "GET"]
        == before.get(("config_http_requests_total", "200", "GET"), 0) + 1
    )
    assert after["config_http_requests_total", "405", "other"] >= 2
