"""Can the edits of a change set be done, and doing them. Decided over the entries' `Batch`, in the order of the log.

Every edit is checked before the first is done, so a change set is published as a whole or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from config_service.changesets.edits import DELETE, Edit
from config_service.changesets.models import ChangeSet
from config_service.entries.batch import Batch, Step
from config_service.entries.decisions import expiry
from config_service.entries.gates import no_namespace, value_refusal
from config_service.entries.validation import MAX_COMMENT_LENGTH
from config_service.envelope import OperationDone, Refusal

CONFLICT = "change_set_conflict"
# Of more, the refusal tells only how many there are.
MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an edit cannot be done now. ``code`` is change_set_conflict or schema_violation; ``current_revision`` is that
    of the entry, 0 where there is none."""

    code: str
    detail: str
    current_revision: int = 0
    reasons: tuple[str, ...] = ()


def refusal(batch: Batch, change_set: ChangeSet, edits: Sequence[Edit]) -> Refusal | None:
    """Why it cannot be published now; ``reasons`` tell of each edit that is at fault."""
    if needing := awaiting_approval(batch, change_set):
        return Refusal(
            "approval_required", f"{', '.join(needing)}: a second person has to approve this change set first"
        )
    found = [(edit, objection) for edit, objection in objections(batch, edits) if objection is not None]
    if not found:
        return None
    told = list(chain.from_iterable(_told(edit, objection) for edit, objection in found))
    detail = f"{len(found)} of {len(edits)} edits cannot be done: {told[0]}"
    return Refusal(found[0][1].code, detail, reasons=tuple(told[:MOST_TOLD]))


def awaiting_approval(batch: Batch, change_set: ChangeSet) -> list[str]:
    """The namespaces in which these edits need an approval that they do not have."""
    if change_set.approved:
        return []
    rows = ((name, batch.namespaces.get(name)) for name in change_set.namespaces)
    return [name for name, row in rows if row is not None and row.requires_approval]


def objections(batch: Batch, edits: Sequence[Edit]) -> list[tuple[Edit, Objection | None]]:
    batch.load([edit.place for edit in edits])
    return [(edit, _objection(batch, edit)) for edit in edits]


def _objection(batch: Batch, edit: Edit) -> Objection | None:
    if edit.namespace not in batch.namespaces:
        return Objection(CONFLICT, no_namespace(edit.namespace).detail)
    row = batch.rows[edit.place]
    revision = row.revision if row else 0
    if revision != edit.base_revision:
        return Objection(CONFLICT, _moved(edit.base_revision, revision), revision)
    if edit.operation == DELETE:
        return None
    broken = value_refusal(batch, edit.place, edit.value_json, edit.type)
    return Objection(broken.code, broken.detail, revision, broken.reasons) if broken else None


def _moved(base: int, now: int) -> str:
    if not now:
        return f"this edit was made on revision {base} of the entry, which does not exist any more"
    if not base:
        return f"this edit makes the entry, which exists already, since revision {now}"
    return f"this edit was made on revision {base} of the entry, which is at revision {now} now"


def _told(edit: Edit, objection: Objection) -> list[str]:
    return [f"{edit.namespace}/{edit.key}: {reason}" for reason in objection.reasons or (objection.detail,)]


def perform(batch: Batch, step: Step, change_set: ChangeSet, edits: Sequence[Edit]) -> tuple[OperationDone, ...]:
    """After `refusal` found nothing. Who published it, or scheduled it, is who the history of the entries names."""
    step = Step(step.revision, change_set.scheduled_by or step.actor, step.at, step.command)
    return tuple(_perform(batch, step, _comment(change_set, edit), edit) for edit in edits)


def _perform(batch: Batch, step: Step, comment: str, edit: Edit) -> OperationDone:
    if edit.operation == DELETE:
        batch.delete(step, edit.place, comment)
        return OperationDone(DELETE, *edit.place, deleted=True)
    created = batch.rows[edit.place] is None
    expires_at = edit.expires_at or expiry(step.at, edit.ttl_s)
    row = batch.put(step, edit.place, edit.value_json, edit.type, comment, expires_at)
    return OperationDone("put", *edit.place, created, row.created_revision, row.version, edit.type, expires_at)


def _comment(change_set: ChangeSet, edit: Edit) -> str:
    told = f"change set {change_set.id}: {change_set.title}"
    return f"{edit.comment} ({told})"[:MAX_COMMENT_LENGTH] if edit.comment else told
