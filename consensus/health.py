"""How the group is, in a sentence, and what about it needs attention. Pure functions of a `GroupView`."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from consensus.forecast import strength
from consensus.group_commands import ACTIVE, DIVERGED, DRAINED
from consensus.group_view import GroupView, NodeView

# A log of so many times what is to be kept is worth a look.
LOG_TIMES_KEPT = 2


class Kind(StrEnum):
    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Health:
    kind: Kind
    headline: str
    detail: str


@dataclass(frozen=True, slots=True)
class Concern:
    """``node`` is whom it is about, "" for the group."""

    kind: Kind
    title: str
    detail: str
    node: str = ""


def health(view: GroupView) -> Health:
    if view.waits_for:
        return Health(Kind.BAD, "There is no group yet", f"{view.waits_for}.")
    if view.outside:
        return Health(Kind.BAD, f"{view.node} belongs to no group", "It waits to be added at a node of the group.")
    if not view.running:
        return Health(Kind.BAD, f"The runtime of {view.node} does not answer", "What is shown was so when it last did.")
    if not view.connected:
        return Health(Kind.BAD, "No majority: writing is off", "Reading works, and is marked stale.")
    now = strength(view)
    missing = [node for node in now.voters if node not in now.answering]
    away = f"{', '.join(missing)} {'does' if len(missing) == 1 else 'do'} not answer. " if missing else ""
    if now.spare <= 0:
        why = "A group of one survives no failure." if len(now.voters) == 1 else "The next failure stops writing."
        return Health(Kind.WARN, "Writing works, with nothing to spare", away + why)
    spare = "One more node" if now.spare == 1 else f"{now.spare} more nodes"
    if missing:
        return Health(Kind.WARN, "Writing works", f"{away}{spare} may fail.")
    return Health(Kind.OK, "Healthy", f"{'Any one node' if now.spare == 1 else f'Any {now.spare} nodes'} may fail.")


def concerns(view: GroupView, log_keep_entries: int) -> list[Concern]:
    """The worst first."""
    found = [concern for member in view.members for concern in _about(member, view)]
    found += [
        Concern(Kind.INFO, f"{one.node} asks to join", f"From {one.address or 'an unknown address'}.", one.node)
        for one in view.joining
    ]
    if view.disputed_index:
        detail = f"At {view.disputed_index} no majority had the same. Find out whose are right, and rebuild the others."
        found.append(Concern(Kind.BAD, "The nodes' tables differ", detail))
    if not view.membership_settled:
        found.append(Concern(Kind.INFO, "The membership is changing", "The group agrees on its new members."))
    if view.log_entries > LOG_TIMES_KEPT * log_keep_entries:
        detail = f"It holds {view.log_entries:,} entries; {log_keep_entries:,} are to be kept."
        found.append(Concern(Kind.WARN, f"The log of {view.node} is not trimmed", detail, view.node))
    order = [Kind.BAD, Kind.WARN, Kind.INFO]
    return sorted(found, key=lambda concern: order.index(concern.kind))


def _about(member: NodeView, view: GroupView) -> Iterator[Concern]:
    node = member.node
    if member.state == DIVERGED:
        yield Concern(Kind.BAD, f"{node} has diverged", f"{member.halted}. It does not serve: rebuild it.", node)
    elif member.halted:
        yield Concern(Kind.BAD, f"{node} has stopped applying", member.halted, node)
    if not member.reachable and view.running:
        heard = "It was never heard of." if member.heard_ms is None else "It has gone silent."
        kind = Kind.INFO if member.state == DRAINED else Kind.BAD
        yield Concern(kind, f"{node} does not answer", heard, node)
    elif not member.level and not member.halted:
        yield Concern(Kind.WARN, f"{node} lags", f"It is {member.lag:,} log entries behind.", node)
    if member.state not in (ACTIVE, DIVERGED):
        yield Concern(Kind.INFO, f"{node} is {member.state}", "It gets no traffic, and does not lead.", node)
