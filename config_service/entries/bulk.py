"""Deleting, copying and moving several entries as one transaction, bound to the revisions that somebody was shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from config_service.entries import selectors, validation
from config_service.entries.models import ConfigEntry
from config_service.entries.operations import Compare, Delete, Operation, Put
from config_service.entries.reveal import reveal
from config_service.entries.snapshots import SECRET, EntrySnapshot
from config_service.entries.tables import Key
from config_service.entries.transacting import MAX_OPERATIONS, Branches, transact
from config_service.envelope import Done
from config_service.errors import Invalid, PreconditionFailed, Unprocessable

DELETE, COPY, MOVE = "delete", "copy", "move"
ACTIONS = (DELETE, COPY, MOVE)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a confirmation was shown: the revision of an entry, and of what is where it would go; 0 for nothing."""

    namespace: str
    key: str
    revision: int
    target_revision: int = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """One entry and what happens to it. ``replaces`` is at ``target`` now; ``problem`` says why it cannot be."""

    entry: EntrySnapshot
    target: Key | None = None
    replaces: EntrySnapshot | None = None
    problem: str = ""

    @property
    def name(self) -> str:
        return f"{self.entry.namespace}/{self.entry.key}"

    @property
    def seen(self) -> Seen:
        replaced = self.replaces.revision if self.replaces else 0
        return Seen(self.entry.namespace, self.entry.key, self.entry.revision, replaced)


@dataclass(frozen=True, slots=True)
class Plan:
    action: str
    items: tuple[Planned, ...]

    @property
    def operations(self) -> int:
        return len(self.items) * (2 if self.action == MOVE else 1)

    @property
    def too_many(self) -> str:
        if self.operations <= MAX_OPERATIONS:
            return ""
        most = MAX_OPERATIONS // (2 if self.action == MOVE else 1)
        return f"{len(self.items)} entries are too many to {self.action} at once: at most {most}"

    @property
    def sound(self) -> bool:
        return bool(self.items) and not self.too_many and not any(item.problem for item in self.items)

    @property
    def replaced(self) -> int:
        return sum(item.replaces is not None for item in self.items)

    @property
    def secrets(self) -> list[Planned]:
        """Those that have to be opened, since a sealed value belongs to its entry's name."""
        return [item for item in self.items if item.target is not None and item.entry.type == SECRET]

    @property
    def sources(self) -> list[str]:
        return sorted({item.entry.namespace for item in self.items})

    @property
    def written(self) -> list[str]:
        """Every namespace in which something would be different afterwards."""
        targets = {item.target[0] for item in self.items if item.target}
        return sorted(targets | (set() if self.action == COPY else set(self.sources)))


def plan(action: str, entries: Iterable[EntrySnapshot], namespace: str = "", prefix: str = "") -> Plan:
    """What would happen now. ``namespace`` and ``prefix``, which goes before every key, say where copies go."""
    chosen = sorted(entries, key=lambda entry: (entry.namespace, entry.key))
    if action == DELETE:
        return Plan(action, tuple(map(Planned, chosen)))
    validation.check_namespace(namespace)
    validation.check_prefix(prefix)
    selectors.require_namespace(namespace)
    targets = [(namespace, prefix + entry.key) for entry in chosen]
    there = selectors.entries_of(targets)
    return Plan(
        action,
        tuple(
            Planned(entry, target, there.get(target), _problem(entry, target, targets))
            for entry, target in zip(chosen, targets, strict=True)
        ),
    )


def _problem(entry: EntrySnapshot, target: Key, targets: Sequence[Key]) -> str:
    if target == (entry.namespace, entry.key):
        return "it is there already"
    if targets.count(target) > 1:
        return "two of the chosen entries would get this name"
    try:
        validation.check_key(target[1])
    except Invalid as error:
        return error.detail
    return ""


def changed_since(shown: Sequence[Seen], planned: Plan) -> list[str]:
    """The entries that are not as they were ``shown``, in words."""
    now_seen = {(item.entry.namespace, item.entry.key): item.seen for item in planned.items}
    told = []
    for one in shown:
        current = now_seen.get((one.namespace, one.key))
        if current is None:
            told.append(f"{one.namespace}/{one.key} is gone")
        elif current.revision != one.revision:
            told.append(f"{one.namespace}/{one.key} is at revision {current.revision}, not {one.revision}")
        elif current.target_revision != one.target_revision:
            told.append(f"what {one.namespace}/{one.key} would go to has changed")
    return told


def perform(actor: str, planned: Plan, *, overwrite: bool = False, request_id: str = "") -> Done:
    """All of it or nothing. Raises `PreconditionFailed` where an entry has changed since the plan was made.

    Opening a secret is recorded before anything is proposed, once for each; the caller has made sure that the actor
    may reveal it.
    """
    if planned.too_many:
        raise Unprocessable(planned.too_many)
    if problems := [f"{item.name}: {item.problem}" for item in planned.items if item.problem]:
        raise Unprocessable("; ".join(problems))
    if planned.replaced and not overwrite:
        raise Unprocessable(f"{planned.replaced} entries would be replaced, which was not asked for")
    compare = tuple(one for item in planned.items for one in _conditions(item))
    then = tuple(one for item in planned.items for one in _operations(actor, planned.action, item))
    done = transact(actor, Branches(compare, then), request_id=request_id)
    if not done.succeeded:
        raise PreconditionFailed("an entry has changed meanwhile: all of them stay as they are", 0)
    return done


def _conditions(item: Planned) -> list[Compare]:
    found = [Compare(item.entry.namespace, item.entry.key, "revision", item.entry.revision)]
    if item.target:
        found.append(Compare(*item.target, "revision", item.seen.target_revision))
    return found


def _operations(actor: str, action: str, item: Planned) -> list[Operation]:
    entry = item.entry
    found: list[Operation] = []
    if action in (DELETE, MOVE):
        found.append(Delete(entry.namespace, entry.key))
    if item.target:
        value_json = entry.value_json
        if entry.type == SECRET:
            value_json = reveal(actor, entry.namespace, entry.key).value_json
        comment = entry.comment or f"{'moved' if action == MOVE else 'copied'} from {item.name}"
        found.append(Put(*item.target, value_json, entry.type, True, comment, _seconds_left(entry)))
    return found


def _seconds_left(entry: EntrySnapshot) -> int:
    """A copy expires when its original does."""
    if entry.expires_at is None:
        return 0
    left = datetime.fromisoformat(entry.expires_at) - datetime.now(UTC)
    return max(1, round(left.total_seconds()))


def chosen_entries(ids: Iterable[int]) -> list[EntrySnapshot]:
    """The entries with these ids that are still there."""
    names = ConfigEntry.objects.filter(pk__in=list(ids)).values_list("namespace_id", "key")
    return list(selectors.entries_of(list(names)).values())
