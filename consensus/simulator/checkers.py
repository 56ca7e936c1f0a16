"""What must hold at every step (Raft paper figure 3), over all nodes of a simulated group."""

from collections.abc import Iterable

from consensus.raft.messages import Entry
from consensus.raft.node import Role
from consensus.simulator.machine import Machine


class Violation(AssertionError):
    """An invariant is broken; the run's seed replays it."""


class Checkers:
    """``committed`` is every entry that any node has ever applied: from then on it is the only one at its index."""

    def __init__(self) -> None:
        self.committed: list[Entry] = []
        self._leaders: dict[int, str] = {}
        self._seen: dict[str, int] = {}
        self._log_lengths: dict[tuple[str, int], int] = {}

    def check(self, machines: Iterable[Machine]) -> None:
        for machine in machines:
            self._state_machine_safety(machine)
            if machine.driver is not None and machine.driver.node.role is Role.LEADER:
                self._election_safety(machine)

    def _election_safety(self, machine: Machine) -> None:
        """At most one leader a term; it holds everything committed, and only ever adds to its log."""
        node = machine.driver.node  # type: ignore[union-attr]
        first = node.term not in self._leaders
        if self._leaders.setdefault(node.term, machine.name) != machine.name:
            raise Violation(f"{machine.name} and {self._leaders[node.term]} both lead term {node.term}")
        if first:
            self._leader_completeness(machine)
        key = (machine.name, node.term)
        if node.last_index < self._log_lengths.get(key, 0):
            raise Violation(f"leader {machine.name} of term {node.term} dropped entries of its own log")
        self._log_lengths[key] = node.last_index

    def _leader_completeness(self, machine: Machine) -> None:
        stored = machine.disk.entries
        for entry in self.committed[-200:]:
            if len(stored) < entry.index or stored[entry.index - 1] != entry:
                raise Violation(f"new leader {machine.name} lacks committed entry {entry.index}")

    def _state_machine_safety(self, machine: Machine) -> None:
        """No two nodes ever apply different entries at one index. A crash may make a node apply again."""
        applied = machine.tables.applied
        start = min(self._seen.get(machine.name, 0), len(applied))
        for entry in applied[start:]:
            if entry.index <= len(self.committed):
                if self.committed[entry.index - 1] != entry:
                    raise Violation(f"{machine.name} applied another entry at {entry.index} than was applied before")
            else:
                self.committed.append(entry)
        self._seen[machine.name] = len(applied)

    def log_matching(self, machines: list[Machine]) -> None:
        """Logs that agree on the term of an entry agree on everything up to it (P 5.3)."""
        for one in machines:
            for other in machines:
                mine, theirs = one.disk.entries, other.disk.entries
                for i in range(min(len(mine), len(theirs)) - 1, -1, -1):
                    if mine[i].term == theirs[i].term:
                        if mine[: i + 1] != theirs[: i + 1]:
                            raise Violation(f"the logs of {one.name} and {other.name} match at {i + 1} but not before")
                        break
