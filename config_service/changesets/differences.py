"""What a change set would do now: each edit beside what is there, by the checks that publishing makes."""

from collections import OrderedDict
from dataclasses import dataclass

from config_service.changesets import publishing
from config_service.changesets.edits import Edit
from config_service.changesets.models import ChangeSet
from config_service.changesets.publishing import CONFLICT, Objection
from config_service.changesets.selectors import ChangeSetSnapshot
from config_service.entries import history, namespaces, selectors
from config_service.entries.batch import Batch
from config_service.entries.snapshots import SECRET, EntrySnapshot


@dataclass(frozen=True, slots=True)
class EditDifference:
    """``now`` is the entry as it stands; ``base`` as it was when the edit was made, None where there was none or it is
    compacted. ``violations`` are the faults by the rules of the namespace; those of a secret are not known here, since
    it was checked before it was sealed."""

    edit: Edit
    now: EntrySnapshot | None
    base: EntrySnapshot | None
    objection: Objection | None

    @property
    def conflicts(self) -> bool:
        return self.objection is not None and self.objection.code == CONFLICT

    @property
    def violations(self) -> tuple[str, ...]:
        return () if self.objection is None or self.conflicts else self.objection.reasons

    @property
    def masked(self) -> bool:
        return self.edit.type == SECRET


@dataclass(frozen=True, slots=True)
class Differences:
    """``awaiting_approval`` are the namespaces that want a second person first. ``publishable``: as far as this node
    knows, and as a whole."""

    edits: tuple[EditDifference, ...]
    awaiting_approval: tuple[str, ...]

    @property
    def publishable(self) -> bool:
        return not self.awaiting_approval and all(one.objection is None for one in self.edits)


def differences(change_set: ChangeSetSnapshot) -> Differences:
    batch = Batch(OrderedDict(), namespaces.load())
    row = ChangeSet(
        namespaces=list(change_set.namespaces), digest=change_set.digest, approved_digest=change_set.approved_digest
    )
    standing = selectors.entries_of([edit.place for edit in change_set.edits])
    found = tuple(
        EditDifference(edit, standing.get(edit.place), _base(edit, standing.get(edit.place)), objection)
        for edit, objection in publishing.objections(batch, change_set.edits)
    )
    return Differences(found, tuple(publishing.awaiting_approval(batch, row)))


def _base(edit: Edit, now: EntrySnapshot | None) -> EntrySnapshot | None:
    if not edit.base_revision:
        return None
    if now is not None and now.revision == edit.base_revision:
        return now
    change = history.change_of(edit.namespace, edit.key, edit.base_revision)
    return change.as_entry() if change is not None and change.operation == "put" else None
