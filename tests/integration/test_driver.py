"""The driver by itself: what a node does when its scheduler stops (issue: that node stops leading)."""

from consensus.driver import Events
from consensus.raft.node import Role
from consensus.simulator.cluster import Cluster
from consensus.simulator.profiles import PROFILES


def elected() -> tuple[Cluster, str]:
    cluster = Cluster(1, 3, PROFILES["calm"])
    while cluster.leader() is None:
        cluster.run_for(10)
    return cluster, cluster.leader().name


def test_a_leader_whose_scheduler_stops_leads_no_longer_though_its_clients_keep_it_busy() -> None:
    cluster, name = elected()
    old = cluster.machines[name]
    old.scheduler_stopped = True
    for _ in range(400):
        cluster.workload.write(old)
        cluster.run_for(5)
    assert old.driver.node.role is not Role.LEADER
    assert cluster.leader() is not None and cluster.leader().name != name


def test_a_late_scheduler_costs_one_tick_not_many() -> None:
    cluster, name = elected()
    node = cluster.machines[name]
    sent_before = cluster.network.sent
    node.driver.turn(Events(heartbeat_due=True, election_due=True), int(node.clock_ms))
    assert cluster.network.sent - sent_before <= 4


def test_a_node_that_stops_hands_leadership_over_first() -> None:
    cluster, name = elected()
    cluster.run_for(500)
    node = cluster.machines[name]
    assert node.driver.hand_over(int(node.clock_ms))
    cluster.run_for(250)
    assert cluster.leader().name != name and not node.driver.hand_over(int(node.clock_ms))
