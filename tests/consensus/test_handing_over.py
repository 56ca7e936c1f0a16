"""A leader that should not lead hands leadership over, and to somebody who can take it; on whole simulated nodes."""

from consensus.errors import UnknownVersion
from consensus.group_commands import ACTIVE, DRAINED, DRAINING
from consensus.requests import RebuildRequest
from consensus.wire import SnapshotChunk
from tests.consensus.groups import Group, deliver_all, drop, with_learner
from tests.consensus.test_stuck_elections import set_state


def test_a_drained_leader_is_succeeded_by_a_voter_not_by_a_learner() -> None:
    group = with_learner()
    leader = group.settled()
    assert set_state(group, leader, leader.name, DRAINING, ACTIVE) == "ok"
    group.until(lambda: group.leader() not in (None, leader))
    group.until(lambda: leader.driver.applier.node_state(leader.name)[0] == DRAINED)


def test_a_leader_that_stops_hands_over_beside_a_learner() -> None:
    group = with_learner()
    leader = group.settled()
    assert leader.driver.hand_over(int(leader.clock_ms))
    assert leader.driver.node.transferring


def test_a_leader_that_cannot_read_what_was_committed_hands_over() -> None:
    group = Group()
    group.write()
    leader = group.settled()

    def refuse(entries) -> None:
        raise UnknownVersion("written by a newer release")

    leader.driver.applier.apply = refuse
    group.workload.write(next(machine for machine in group.machines.values() if machine is not leader))
    group.until(lambda: leader.driver.upkeep.halted)
    group.until(lambda: group.leader() not in (None, leader))


def test_a_node_that_is_being_rebuilt_leads_only_until_somebody_else_can_and_ends_it() -> None:
    group = Group()
    group.write()
    leader = group.settled()
    rebuilt, other = (machine for machine in group.machines.values() if machine is not leader)
    drop(group, lambda source, to, message: isinstance(message, SnapshotChunk))
    rebuilt.request(RebuildRequest("test", 5, 5000))
    group.until(lambda: rebuilt.driver.upkeep.halted)
    other.pause(True)
    leader.crash()
    group.run_for(10_000)
    other.pause(False)
    leader.start()
    deliver_all(group)
    group.until(lambda: not rebuilt.driver.upkeep.halted)
    assert group.goes_on()
