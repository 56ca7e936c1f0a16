"""What goes wrong in a simulated group. Each method is one kind of fault; all but crashes end by themselves."""

from collections.abc import Sequence

from consensus.group_commands import ACTIVE, DRAINED, DRAINING, SetNodeState, encode_group_command
from consensus.raft.messages import EntryKind
from consensus.raft.node import Role
from consensus.requests import ChangeRequest, ProposeRequest, RebuildRequest, TransferRequest
from consensus.simulator.databases import Backup, Fate
from consensus.simulator.machine import Machine, World
from consensus.simulator.network import Pair
from consensus.simulator.profiles import FAIR, Profile
from consensus.wire import Change, ChangeNote


class Faults:
    """Begins one fault after the other, as the world's profile says, until `stop`."""

    def __init__(self, world: World, machines: Sequence[Machine]):
        self._random = world.random
        self._profile = world.profile
        self._agenda = world.agenda
        self._network = world.network
        self._trace = world.trace
        self._machines = machines
        self._kinds = [kind for kind, weight in self._profile.faults.items() for _ in range(weight)]
        self._stopped = False
        self._backups: dict[str, Backup] = {}
        self._next()

    def _next(self) -> None:
        if self._kinds:
            self._agenda.after(self._random.expovariate(1 / self._profile.fault_every_ms), self._begin)

    def _begin(self) -> None:
        if not self._stopped:
            getattr(self, self._random.choice(self._kinds))(self._random.choice(self._machines))
            self._next()

    def stop(self) -> None:
        """Everything is mended, and nothing more goes wrong."""
        self._stopped = True
        self._trace.note("the faults stop")
        self._network.mend_all()
        self._network.weather = FAIR
        for machine in self._machines:
            machine.power.operations_left = 0
            machine.crash_chance = 0.0
            machine.disk_factor = 1.0
            machine.scheduler_stopped = False
            machine.set_clock_rate(1.0)
            machine.pause(False)
            machine.start()
        if self._profile.verify_every_ms:
            self._mend_tables()
        if "drain" in self._profile.faults:
            self._undrain_all()
        if "replace" in self._profile.faults:
            self._replace_all()

    def _undrain_all(self) -> None:
        """An operator who puts every node back, for as long as any is not."""
        for machine in self._machines:
            self.undrain(machine)
        if any(one.tables.node_state(other.name)[0] != ACTIVE for one in self._machines for other in self._machines):
            self._agenda.after(4 * self._profile.timing.election_ms[1], self._undrain_all)

    def _mend_tables(self) -> None:
        """An operator who rebuilds every node that says that it has diverged, for as long as any two differ.

        Images of a damaged leader may have made two halves of the group: then nobody is told to be wrong, and the
        operator settles for the leader's tables.
        """
        for machine in self._machines:
            self.rebuild(machine)
        damages = [machine.tables.damage for machine in self._machines]
        if 2 * max(map(damages.count, damages)) == len(damages):
            self._settle_dispute()
        if len(set(damages)) > 1:
            self._agenda.after(2 * self._profile.verify_every_ms, self._mend_tables)

    def _later(self, act, *arguments) -> None:  # type: ignore[no-untyped-def]
        """End what was begun, when its time is over."""
        self._agenda.after(Profile.draw_ms(self._random.random, self._profile.lasts_ms), act, *arguments)

    def _leader(self) -> Machine | None:
        """Whoever leads the latest term."""
        leaders = [one for one in self._machines if one.driver is not None and one.driver.node.role is Role.LEADER]
        return max(leaders, key=lambda one: one.driver.node.term, default=None)  # type: ignore[union-attr]

    # --- power -----------------------------------------------------------------------------------------------------
    def crash(self, machine: Machine) -> None:
        """``machine`` loses power, or only its session with the database, and comes back later."""
        machine.crash(lose_tables=self._random.random() < 0.7)
        self._start_later(machine)

    def crash_leader(self, machine: Machine) -> None:
        self.crash(self._leader() or machine)

    def fail_soon(self, machine: Machine) -> None:
        """Power fails at one of the next operations: between a write and the messages that follow from it, say."""
        machine.fail_soon()

    def fail_leader_soon(self, machine: Machine) -> None:
        (self._leader() or machine).fail_soon()

    def restart_all(self, machine: Machine) -> None:
        """Everybody loses power at once: elections among nodes that remember only what is on disk."""
        self._trace.note("everybody restarts")
        for one in self._machines:
            one.crash()
            self._agenda.after(self._random.random() * self._profile.down_ms[0], one.start)

    def _start_later(self, machine: Machine) -> None:
        self._agenda.after(Profile.draw_ms(self._random.random, self._profile.down_ms), machine.start)

    # --- databases -------------------------------------------------------------------------------------------------
    def back_up(self, machine: Machine) -> None:
        if machine.fate is Fate.WHOLE:
            self._backups[machine.name] = Backup.of(machine.disk, machine.tables)

    def lose_database(self, machine: Machine) -> None:
        """The database of a voter is gone; it comes back with an empty one under its old name (R46)."""
        if spared := self._spared():
            lost = self._random.choice(spared)
            self._trace.note(f"the database of {lost.name} is lost")
            lost.lose_database()
            self._start_later(lost)

    def restore_database(self, machine: Machine) -> None:
        """An older copy takes the place of a voter's database, as after a fail-over to a replica that lags (N04)."""
        backups = self._backups
        spared = [one for one in self._spared() if one.name in backups and backups[one.name].is_older_than(one.disk)]
        if spared:
            older = self._random.choice(spared)
            backup = backups[older.name]
            self._trace.note(f"the database of {older.name} goes back to {backup.disk.hard_state}, {backup.disk.end}")
            older.restore_database(backup)
            self._start_later(older)

    def _spared(self) -> list[Machine]:
        """Voters of which the group can do without one; none where somebody has gone already and not been taken out.

        Whoever is to found a group by itself does so again with an empty database, whatever others have seen.
        """
        leader = self._leader()
        if leader is None or leader.driver is None or not leader.driver.node.membership_settled:
            return []
        membership = leader.driver.node.membership
        forgetful = [one for one in self._machines if one.fate is not Fate.WHOLE]
        if len(membership.voters) < 3 or any(not one.retired or one.name in membership.everybody for one in forgetful):
            return []
        return [one for one in self._machines if one.name in membership.voters and len(one.config.members) > 1]

    def replace(self, machine: Machine) -> None:
        """An operator who takes out whoever was refused, and adds a node under a new name instead."""
        leader = self._leader()
        if leader is None or leader.driver is None:
            return
        members = leader.driver.node.membership.everybody
        gone = [one for one in self._machines if one.retired and one.name in members]
        for one in gone:
            self._ask_for(leader, Change.REMOVE, one)
        fresh = [one for one in self._machines if one.fate is Fate.WHOLE and one.name not in members]
        if fresh and not gone:
            self._ask_for(leader, Change.ADD, fresh[0])

    def _replace_all(self) -> None:
        """As long as anybody who has forgotten promises belongs to the group, or is still to be found out."""
        for machine in self._machines:
            self.replace(machine)
        leader = self._leader()
        members = leader.driver.node.membership.everybody if leader is not None and leader.driver is not None else ()
        forgetful = [one for one in self._machines if one.fate is not Fate.WHOLE]
        if any(not one.retired or leader is None or one.name in members for one in forgetful):
            self._agenda.after(2 * self._profile.timing.election_ms[1], self._replace_all)

    # --- founding --------------------------------------------------------------------------------------------------
    def lose_candidate(self, machine: Machine) -> None:
        """It begins anew, perhaps before there is a group. Never so many that the others are no majority: the group may
        have been founded with the old databases."""
        forgetful = {one.name for one in self._machines if one.forgetful} | {machine.name}
        if 2 * len(forgetful) < len(self._machines):
            machine.begin_anew()
            self._start_later(machine)

    def lose_founder(self, machine: Machine) -> None:
        """One of the first to know what group there is forgets it, while nobody hears the others who do."""
        knowing = [one for one in self._machines if one.disk.group_id]
        if knowing and len(knowing) < len(self._machines):
            lost = self._random.choice(knowing)
            others = [one.name for one in knowing if one is not lost]
            rest = [one.name for one in self._machines if one.name not in others]
            pairs = [(one, other) for one in others for other in rest]
            self._cut(pairs + [(other, one) for one, other in pairs], f"{others}, who know the group, and {rest}")
            self.lose_candidate(lost)

    # --- tables ----------------------------------------------------------------------------------------------------
    def damage(self, machine: Machine) -> None:
        """One node at a time, where the others are a majority."""
        if len(self._machines) > 2 and not any(one.tables.damage for one in self._machines):
            machine.tables.damage = 1 + self._random.getrandbits(16)
            self._trace.note(f"the tables of {machine.name} are damaged")

    def rebuild(self, machine: Machine) -> None:
        """Any node that says that it has diverged and does not lead."""
        for one in self._machines:
            if one.disk.diverged and one is not self._leader():
                self._trace.note(f"{one.name} is to be rebuilt")
                one.request(RebuildRequest("", 0, 1000))

    def _settle_dispute(self) -> None:
        leader = self._leader()
        odd = [one for one in self._machines if leader is not None and one.tables.damage != leader.tables.damage]
        if odd:
            self._trace.note(f"{odd[0].name} is to be rebuilt, since nobody knows whose tables are right")
            odd[0].request(RebuildRequest("", 0, 1000))

    # --- the network -----------------------------------------------------------------------------------------------
    def _cut(self, pairs: list[Pair], text: str) -> None:
        self._trace.note(f"cut: {text}")
        self._network.cut(pairs)
        self._later(self._mend, pairs, text)

    def _mend(self, pairs: list[Pair], text: str) -> None:
        self._trace.note(f"mended: {text}")
        self._network.mend(pairs)

    def _sides(self) -> tuple[list[str], list[str]]:
        names = [machine.name for machine in self._machines]
        inside = self._random.sample(names, self._random.randint(1, max(1, len(names) // 2)))
        return inside, [name for name in names if name not in inside]

    def cut(self, machine: Machine) -> None:
        """Two sides do not hear each other."""
        inside, outside = self._sides()
        pairs = [(one, other) for one in inside for other in outside]
        self._cut(pairs + [(other, one) for one, other in pairs], f"{inside} and the others")

    def cut_one_way(self, machine: Machine) -> None:
        """One side is not heard by the other, but hears it."""
        inside, outside = self._sides()
        if self._random.random() < 0.5:
            inside, outside = outside, inside
        self._cut([(one, other) for one in inside for other in outside], f"{inside} not heard by {outside}")

    def cut_partly(self, machine: Machine) -> None:
        """Some pairs do not hear each other, though both hear a third."""
        names = [machine.name for machine in self._machines]
        pairs = [(one, other) for one in names for other in names if one < other and self._random.random() < 0.4]
        self._cut(pairs + [(other, one) for one, other in pairs], f"between {pairs}")

    def isolate_leader(self, machine: Machine) -> None:
        """Nobody hears the leader, which may hear the others."""
        leader = (self._leader() or machine).name
        others = [machine.name for machine in self._machines if machine.name != leader]
        pairs = [(leader, other) for other in others]
        if self._random.random() < 0.5:
            pairs += [(other, leader) for other in others]
        self._cut(pairs, f"{leader} from everybody")

    def leader_reaches_one(self, machine: Machine) -> None:
        """The leader reaches only one follower, so that what it appends stays with a minority (figure 8)."""
        leader = (self._leader() or machine).name
        others = [machine.name for machine in self._machines if machine.name != leader]
        self._random.shuffle(others)
        pairs = [(leader, other) for other in others[1:]]
        self._cut(pairs, f"{leader} reaches only {others[:1]}")

    def weather(self, machine: Machine) -> None:
        self._network.weather = self._random.choice((self._profile.weather, *self._profile.other_weathers))
        self._trace.note(f"{self._network.weather}")

    # --- clocks, schedulers, disks ---------------------------------------------------------------------------------
    def drift(self, machine: Machine) -> None:
        rate = self._random.choice((0.3, 0.8, 0.99, 1.01, 1.25, 3.0))
        self._trace.note(f"the clock of {machine.name} runs at {rate}")
        machine.set_clock_rate(rate)
        self._later(machine.set_clock_rate, 1.0)

    def jump_clock(self, machine: Machine) -> None:
        """The monotonic clock of a machine that was suspended may have gone on meanwhile."""
        ahead_ms = self._random.choice((0.2, 1.0, 10.0)) * machine.config.election_timeout_max_ms
        self._trace.note(f"the clock of {machine.name} jumps {ahead_ms} ms ahead")
        machine.jump_clock(ahead_ms)

    def pause(self, machine: Machine) -> None:
        self._trace.note(f"{machine.name} is paused")
        machine.pause(True)
        self._later(machine.pause, False)

    def suspend(self, machine: Machine) -> None:
        """Paused, and its clock stands still: it does not notice."""
        machine.set_clock_rate(0.0)
        self.pause(machine)
        self._later(machine.set_clock_rate, 1.0)

    def stop_scheduler(self, machine: Machine) -> None:
        self._trace.note(f"the scheduler of {machine.name} stops")
        machine.scheduler_stopped = True
        self._later(setattr, machine, "scheduler_stopped", False)

    def slow_disk(self, machine: Machine) -> None:
        machine.disk_factor = self._random.choice((5.0, 20.0, 200.0))
        self._trace.note(f"the disk of {machine.name} takes {machine.disk_factor} times as long")
        self._later(setattr, machine, "disk_factor", 1.0)

    # --- operators -------------------------------------------------------------------------------------------------
    def transfer(self, machine: Machine) -> None:
        to = self._random.choice(("", *(machine.name for machine in self._machines)))
        self._trace.note(f"transfer to {to or 'whoever is best'}, asked of {machine.name}")
        machine.request(TransferRequest("", 0, 1000, to))

    def drain(self, machine: Machine) -> None:
        self._set_state(machine, DRAINING, (ACTIVE,))

    def undrain(self, machine: Machine) -> None:
        self._set_state(machine, ACTIVE, (DRAINING, DRAINED))

    def _set_state(self, machine: Machine, state: str, when: tuple[str, ...]) -> None:
        asked = self._random.choice(self._machines)
        self._trace.note(f"{asked.name} is asked that {machine.name} be {state}")
        request_id = f"{state}:{machine.name}:{self._random.getrandbits(48):x}"
        data = encode_group_command(request_id, SetNodeState(machine.name, state, when, "operator", version=2))
        asked.request(ProposeRequest("", 0, 1000, request_id, EntryKind.GROUP, data))

    def change_membership(self, machine: Machine) -> None:
        """Somebody comes or goes; ``machine``, whoever it is, may be the leader itself."""
        change = self._random.choice((Change.ADD, Change.ADD, Change.ADD_LEARNER, Change.PROMOTE, Change.REMOVE))
        self._ask_for(self._leader() or machine, change, machine)

    def _ask_for(self, asked: Machine, change: Change, machine: Machine) -> None:
        self._trace.note(f"asked for: {change} {machine.name}")
        asked.request(ChangeRequest("", 0, 1000, ChangeNote(change, machine.name, "operator")))
