"""Who belongs to the group, entry by entry (P 6).

A membership counts from the moment it is in the log, committed or not; when its entry is dropped, the one before
counts again. Voters change in two steps: old and new together (the *joint* phase), then the new ones alone.
"""

from collections.abc import Iterable, Sequence

import msgspec

from consensus.raft.messages import Entry, EntryKind, Identity, Membership, Snapshot

_decoder = msgspec.msgpack.Decoder(Membership)
_encoder = msgspec.msgpack.Encoder()


def encode(membership: Membership) -> bytes:
    return _encoder.encode(membership)


def decode(data: bytes) -> Membership:
    """Raises `msgspec.DecodeError` for what this release cannot read."""
    return _decoder.decode(data)


def with_learner(current: Membership, node: str, identity: Identity, promised: bool, note: bytes) -> Membership:
    """``node`` comes, as a learner; with ``promised`` it is to become a voter."""
    return msgspec.structs.replace(
        current,
        learners=(*current.learners, node),
        promised=(*current.promised, node) if promised else current.promised,
        identities=current.identities | {node: identity},
        note=note,
    )


def with_voter(current: Membership, learner: str, note: bytes) -> Membership:
    """``learner`` becomes a voter."""
    return msgspec.structs.replace(
        current,
        voters=tuple(sorted((*current.voters, learner))),
        learners=_without(current.learners, learner),
        promised=_without(current.promised, learner),
        note=note,
    )


def without(current: Membership, node: str, note: bytes) -> Membership:
    """``node`` goes, for good."""
    return msgspec.structs.replace(
        current,
        voters=_without(current.voters, node),
        learners=_without(current.learners, node),
        promised=_without(current.promised, node),
        identities={name: identity for name, identity in current.identities.items() if name != node},
        former=tuple(sorted({*current.former, node})),
        note=note,
    )


def at_address(current: Membership, node: str, identity: Identity, note: bytes) -> Membership:
    """``node`` is the same, but reached elsewhere."""
    return msgspec.structs.replace(current, identities=current.identities | {node: identity}, note=note)


def _without(nodes: tuple[str, ...], node: str) -> tuple[str, ...]:
    return tuple(name for name in nodes if name != node)


def first_step(current: Membership, target: Membership) -> Membership:
    """What to append to get from ``current`` to ``target``: a joint membership where the voters differ."""
    target = msgspec.structs.replace(target, version=current.version + 1)
    if set(current.voters) == set(target.voters):
        return target
    identities = current.identities | target.identities
    return msgspec.structs.replace(target, outgoing=current.voters, identities=identities)


def second_step(joint: Membership) -> Membership:
    """The new voters alone; the identities of those who belong to nothing any more are dropped."""
    left = {*joint.voters, *joint.learners}
    identities = {node: identity for node, identity in joint.identities.items() if node in left}
    return msgspec.structs.replace(joint, outgoing=(), identities=identities, note=b"", version=joint.version + 1)


class Memberships:
    """The memberships that stand in the log, and the one it begins with."""

    def __init__(self, known: Iterable[tuple[int, Membership]] = ()):
        """``known``: (index, membership) in order; what the log begins with has the index of its base."""
        self._known = list(known) or [(0, Membership())]

    @property
    def current(self) -> Membership:
        return self._known[-1][1]

    @property
    def index(self) -> int:
        """Where the current one stands."""
        return self._known[-1][0]

    def at(self, index: int) -> Membership:
        """The one that counted when the log ended at ``index``."""
        return next(membership for first, membership in reversed(self._known) if first <= index)

    def committed(self, commit: int) -> Membership:
        """The latest that is certainly committed. What a new node was told when it joined may yet be taken back: that
        counts only where it is the founding one."""
        index, membership = next(known for known in reversed(self._known) if known[0] <= commit)
        return membership if index or not membership.version else Membership()

    def take(self, entries: Sequence[Entry]) -> bool:
        """``entries`` are in the log now, and what stood at their first index and after is not. Whether it matters."""
        before = len(self._known)
        while self.index >= entries[0].index and len(self._known) > 1:
            self._known.pop()
        changed = len(self._known) < before
        for entry in entries:
            if entry.kind == EntryKind.MEMBERSHIP:
                self._known.append((entry.index, decode(entry.data)))
                changed = True
        return changed

    def compact(self, index: int) -> None:
        """The log begins after ``index`` now."""
        while len(self._known) > 1 and self._known[1][0] <= index:
            del self._known[0]

    def restore(self, snapshot: Snapshot, last_index: int) -> None:
        """``snapshot`` took the place of the log up to its index; ``last_index`` is where the log ends now."""
        kept = (known for known in self._known if snapshot.index < known[0] <= last_index)
        self._known = [(snapshot.index, snapshot.membership), *kept]
