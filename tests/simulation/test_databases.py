"""The profile that loses databases and puts older copies in their place does so, and the group gets over it."""

from consensus.simulator.cluster import Cluster
from consensus.simulator.databases import Fate
from consensus.simulator.profiles import PROFILES


def members_of(cluster: Cluster) -> frozenset[str]:
    leader = cluster.leader()
    assert leader is not None and leader.driver is not None
    return frozenset(leader.driver.node.membership.everybody)


def test_r46_n04_lost_and_older_databases_are_refused_and_new_names_take_their_place() -> None:
    refused: set[Fate] = set()
    came: set[str] = set()
    for seed in range(1, 7):
        cluster = Cluster(seed, 3, PROFILES["databases"])
        cluster.run(2500)
        refused |= {one.fate for one in cluster.machines.values() if one.retired.startswith("is refused")}
        # The run ends once the group is well; who was refused may have to be taken out yet, one after the other.
        for _ in range(50):
            if all(cluster.machines[name].fate is Fate.WHOLE for name in members_of(cluster)):
                break
            cluster.run_for(200)
        assert all(cluster.machines[name].fate is Fate.WHOLE for name in members_of(cluster))
        came |= members_of(cluster) - {"n1", "n2", "n3"}
    assert refused == {Fate.LOST, Fate.OLDER}
    assert came
