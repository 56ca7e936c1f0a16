"""Nodes whose database was lost or went back have forgotten promises: they must be found out (R46, N04)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from consensus.simulator.databases import Fate
from consensus.simulator.ledger import Violation
from consensus.wire import HelloAnswer, PeerMessage

if TYPE_CHECKING:
    from consensus.simulator.machine import Machine


class Forgetting:
    """A roll-back that nobody who answers can know of is beyond what is promised (docs/decisions.md)."""

    def __init__(self) -> None:
        # Answers to the hellos of nodes with an older database, by those who have seen more of them.
        self._telling: dict[str, list[HelloAnswer]] = {}

    def started(self, machine: "Machine") -> None:
        """What earlier lives were told says nothing of this one, whose epoch is another."""
        self._telling.pop(machine.name, None)

    def answered(self, machine: "Machine", other: "Machine", message: HelloAnswer) -> None:
        """``machine`` answers the hello of ``other``."""
        if other.fate is Fate.OLDER and _has_seen_more(machine, other):
            self._telling.setdefault(other.name, []).append(message)

    def refused(self, machine: "Machine", error: Exception) -> None:
        """``machine`` was told that its database is another one, or went back: nobody else is."""
        if machine.fate is Fate.WHOLE:
            raise Violation(f"{machine.name} is refused, and its database is whole: {error}")

    def acts(self, machine: "Machine", received: Sequence[tuple[str, PeerMessage]]) -> bool:
        """Whether ``machine``, which has forgotten promises, is free to act after a turn with what it ``received``.

        Never where its database was lost, or where somebody who has seen more has told it so.
        """
        admitted = machine.driver.admission.admitted  # type: ignore[union-attr]
        if admitted and machine.fate is Fate.LOST:
            raise Violation(f"{machine.name} acts, though its database was lost")
        telling = self._telling.get(machine.name, ())
        told = [source for source, message in received if any(message is one for one in telling)]
        if told:
            raise Violation(f"{machine.name} goes on with an older database, though {told} told it what it forgot")
        return admitted


def _has_seen_more(machine: "Machine", other: "Machine") -> bool:
    """Whether ``machine`` knows of a promise that the database of ``other`` does not hold any more."""
    driver, disk = machine.driver, other.disk
    assert driver is not None
    seen, match, term = driver.acquaintances, driver.node.match_indexes().get(other.name, 0), driver.node.term
    return (
        seen.epochs.get((other.name, disk.incarnation), 0) > disk.epoch
        or seen.terms.get(other.name, 0) > disk.hard_state.term
        or (match > 0 and (term, match) > (disk.hard_state.term, disk.last_index))
    )
