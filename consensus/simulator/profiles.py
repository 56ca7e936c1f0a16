"""Fault profiles: what goes wrong, how often, and how fast the group is meant to be. A seed picks one.

Everything in a profile is possible in reality. What is rare there is made frequent here: that is what a profile is for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from consensus.simulator.network import Weather

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Timing:
    heartbeat_ms: int = 100
    tick_ms: int = 50
    election_ms: tuple[int, int] = (500, 1000)


FAIR = Weather()
USUAL = Timing()
# Election time-outs of the length of a message's way: elections collide, and messages outlive them.
SHORT = Timing(10, 5, (30, 45))
BRISK = Timing(20, 10, (100, 200))


@dataclass(frozen=True, slots=True)
class Profile:
    """``faults``: name of a method of `Faults` -> weight. ``crash_chance``: in each turn, at any operation of it.

    ``wake_ms``: up to so long a node lets events gather. ``down_ms``, ``lasts_ms``: shortest and longest time that a
    crashed node stays down, and that another fault lasts; most are short.
    """

    name: str
    about: str
    faults: Mapping[str, int] = field(default_factory=dict)
    fault_every_ms: float = 300.0
    weather: Weather = FAIR
    other_weathers: tuple[Weather, ...] = ()
    timing: Timing = USUAL
    request_every_ms: float = 12.0
    write_ms: Span = (0.3, 1.5)
    wake_ms: float = 1.0
    crash_chance: float = 0.0
    down_ms: Span = (5.0, 2000.0)
    lasts_ms: Span = (50.0, 4000.0)
    # How often the log is trimmed, to the last few entries; 0: never.
    compact_every_ms: float = 0.0
    # How often the leader has all nodes compare their tables; 0: never.
    verify_every_ms: float = 0.0
    # Leaders answer reads within their lease; then clocks have to run at the right rate.
    lease_reads: bool = False
    # How many nodes stand outside the group at first, to be added to it.
    spares: int = 0

    @staticmethod
    def draw_ms(random: Callable[[], float], span: Span) -> float:
        """Between the two, and more often nearer to the shorter."""
        return span[0] + random() ** 3 * (span[1] - span[0])


LATE = Weather(lose=0.1, double=0.2, delay_ms=(0.5, 60.0), very_late=0.1, very_late_ms=8000.0)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "calm",
            "nothing goes wrong but a transfer now and then",
            {"transfer": 1},
            500.0,
            Weather(in_order=True),
            request_every_ms=3.0,
        ),
        Profile(
            "mixed",
            "a little of everything",
            {
                "crash": 3,
                "fail_soon": 3,
                "restart_all": 1,
                "pause": 2,
                "suspend": 1,
                "stop_scheduler": 1,
                "cut": 3,
                "cut_one_way": 2,
                "cut_partly": 2,
                "weather": 3,
                "drift": 1,
                "jump_clock": 1,
                "transfer": 3,
                "slow_disk": 1,
            },
            other_weathers=(Weather(), Weather(0.05, 0.05, (0.2, 20.0)), Weather(0.3, 0.3, (1.0, 300.0), 0.03), LATE),
        ),
        Profile(
            "network",
            "messages lost, doubled, overtaken, and later than any time-out",
            {"weather": 5, "transfer": 1, "crash": 1},
            weather=Weather(0.05, 0.1, (0.2, 50.0), 0.02),
            other_weathers=(
                LATE,
                Weather(0.4, 0.0, (0.2, 3.0)),
                Weather(0.0, 0.5, (0.2, 100.0)),
                Weather(0.02, 0.3, (5.0, 900.0), 0.2, 60_000.0),
            ),
            timing=BRISK,
        ),
        Profile(
            "partitions",
            "cuts both ways, one way, and such that some hear everybody and some do not",
            {"cut": 4, "cut_one_way": 4, "cut_partly": 4, "isolate_leader": 3, "transfer": 1},
            200.0,
            timing=BRISK,
            lasts_ms=(20.0, 2500.0),
        ),
        Profile(
            "crashes",
            "power fails at any operation, of one node or of all",
            {"crash": 4, "crash_leader": 3, "fail_soon": 6, "restart_all": 2},
            150.0,
            timing=BRISK,
            crash_chance=0.005,
            down_ms=(2.0, 600.0),
        ),
        Profile(
            "elections",
            "elections collide: time-outs as short as a message's way, forced elections, voters that forget",
            {"transfer": 4, "restart_all": 3, "fail_soon": 4, "crash_leader": 3, "jump_clock": 3, "weather": 2},
            40.0,
            weather=Weather(0.05, 0.2, (0.5, 25.0), 0.05, 300.0),
            other_weathers=(Weather(0.1, 0.3, (0.5, 80.0), 0.05, 400.0), Weather(0.0, 0.2, (4.0, 12.0))),
            timing=SHORT,
            request_every_ms=6.0,
            crash_chance=0.01,
            down_ms=(1.0, 60.0),
            lasts_ms=(10.0, 300.0),
        ),
        Profile(
            "figure-8",
            "leaders reach few followers and crash right after appending, as in figure 8 of the paper",
            {"crash_leader": 4, "leader_reaches_one": 6, "fail_leader_soon": 6, "restart_all": 1, "transfer": 1},
            40.0,
            weather=Weather(0.05, 0.05, (0.3, 8.0)),
            timing=SHORT,
            request_every_ms=4.0,
            down_ms=(1.0, 150.0),
            lasts_ms=(20.0, 250.0),
        ),
        Profile(
            "clocks",
            "clocks drift, jump and stand; schedulers stop; nodes are paused and suspended",
            {"drift": 4, "jump_clock": 3, "pause": 4, "suspend": 3, "stop_scheduler": 4, "transfer": 2},
            200.0,
            timing=BRISK,
        ),
        Profile(
            "snapshots",
            "the log is trimmed all the time, so that who was away gets an image; chunks are lost, receivers crash",
            {"crash": 4, "cut": 4, "cut_one_way": 1, "fail_soon": 3, "crash_leader": 1, "pause": 2, "weather": 2},
            250.0,
            weather=Weather(0.05, 0.1, (0.2, 10.0)),
            other_weathers=(FAIR, Weather(0.3, 0.2, (0.2, 40.0), 0.05)),
            timing=BRISK,
            request_every_ms=4.0,
            crash_chance=0.002,
            down_ms=(20.0, 3000.0),
            compact_every_ms=100.0,
        ),
        Profile(
            "membership",
            "nodes are added, promoted and removed, the leader too, while others fail and the log is trimmed",
            {
                "change_membership": 8,
                "crash": 2,
                "crash_leader": 2,
                "fail_soon": 2,
                "cut": 1,
                "cut_partly": 1,
                "transfer": 1,
            },
            100.0,
            weather=Weather(0.02, 0.1, (0.2, 8.0)),
            timing=BRISK,
            request_every_ms=6.0,
            down_ms=(5.0, 500.0),
            lasts_ms=(20.0, 1000.0),
            compact_every_ms=300.0,
            spares=5,
        ),
        Profile(
            "founding",
            "a group is founded while messages are lost and late, power fails, and databases are lost, then and later",
            {
                "lose_candidate": 3,
                "lose_founder": 8,
                "crash": 3,
                "fail_soon": 5,
                "restart_all": 1,
                "cut": 3,
                "cut_one_way": 2,
                "cut_partly": 2,
                "weather": 2,
            },
            120.0,
            weather=Weather(0.1, 0.2, (0.5, 40.0), 0.05, 1000.0),
            other_weathers=(FAIR, Weather(0.4, 0.1, (0.2, 20.0)), LATE),
            timing=BRISK,
            request_every_ms=25.0,
            crash_chance=0.004,
            down_ms=(5.0, 600.0),
            lasts_ms=(20.0, 800.0),
        ),
        Profile(
            "drains",
            "nodes are drained and put back, the leader too, by operators who do not wait for each other",
            {"drain": 6, "undrain": 5, "crash": 2, "crash_leader": 1, "fail_soon": 2, "cut": 2, "transfer": 2},
            120.0,
            weather=Weather(0.03, 0.1, (0.2, 8.0)),
            timing=BRISK,
            crash_chance=0.001,
            down_ms=(5.0, 600.0),
            lasts_ms=(20.0, 800.0),
        ),
        Profile(
            "leases",
            "leaders answer reads by their lease, and are cut off, paused, deposed and asked to hand over meanwhile",
            {"isolate_leader": 5, "cut": 3, "cut_partly": 2, "pause": 3, "transfer": 4, "crash_leader": 2, "crash": 1},
            120.0,
            weather=Weather(0.02, 0.1, (0.2, 15.0)),
            timing=BRISK,
            request_every_ms=3.0,
            down_ms=(5.0, 400.0),
            lasts_ms=(20.0, 1200.0),
            lease_reads=True,
        ),
        Profile(
            "divergence",
            "rows change on one node behind everybody's back; it must be found, and nobody else; then it is rebuilt",
            {"damage": 4, "rebuild": 6, "crash": 3, "fail_soon": 2, "cut": 2, "cut_one_way": 1, "transfer": 2},
            150.0,
            weather=Weather(0.03, 0.1, (0.2, 8.0)),
            timing=BRISK,
            crash_chance=0.002,
            down_ms=(5.0, 600.0),
            lasts_ms=(20.0, 1000.0),
            verify_every_ms=400.0,
        ),
        Profile(
            "databases",
            "databases are lost or go back to older copies, while others fail; nodes with new names come instead",
            {
                "back_up": 6,
                "lose_database": 2,
                "restore_database": 6,
                "replace": 8,
                "crash": 2,
                "crash_leader": 1,
                "fail_soon": 2,
                "cut": 1,
                "transfer": 2,
            },
            60.0,
            weather=Weather(0.02, 0.1, (0.2, 8.0)),
            timing=BRISK,
            request_every_ms=6.0,
            down_ms=(5.0, 500.0),
            lasts_ms=(20.0, 800.0),
            compact_every_ms=400.0,
            spares=4,
        ),
        Profile(
            "slow-disks",
            "disks that take as long as an election time-out, while clients go on",
            {"slow_disk": 5, "fail_soon": 2, "fail_leader_soon": 2, "cut": 1, "transfer": 2},
            200.0,
            timing=BRISK,
            request_every_ms=4.0,
            write_ms=(0.3, 25.0),
            wake_ms=4.0,
        ),
        Profile(
            "transfers",
            "leadership is handed on all the time, under load, also to those who cannot take it",
            {"transfer": 8, "crash_leader": 1, "cut_one_way": 1, "pause": 1},
            60.0,
            weather=Weather(0.02, 0.1, (0.2, 15.0)),
            timing=BRISK,
            request_every_ms=4.0,
        ),
    )
}


def plan(seed: int) -> tuple[str, int]:
    """The profile and the number of nodes that ``seed`` stands for, unless they are asked for."""
    random = Random(f"plan/{seed}")
    names = sorted(PROFILES)
    return names[seed % len(names)], random.choice((1, 2, 3, 3, 3, 4, 5, 5, 5, 7))
