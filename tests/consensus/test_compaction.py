"""When the log is trimmed: what no setting may do."""

from dataclasses import replace

from tests.consensus.groups import Group


def test_a_log_that_is_to_keep_nothing_is_trimmed_up_to_what_is_applied() -> None:
    group = Group()
    group.write(3)
    leader = group.settled()
    compactor = leader.driver.upkeep.compactor
    compactor._config = replace(leader.config, log_keep_s=0, log_keep_entries=0)
    for _ in range(2):
        compactor.look(int(leader.clock_ms), None)
        compactor.step()
    assert leader.driver.node.base_index == leader.driver.node.applied_index > 0
    assert group.goes_on()
