"""The life of a change set: which command leads from which state to which. In the order of the log, with the entries.

A draft is approved, scheduled, and published when its time comes; or rejected then, if it cannot be done. Until then
it can be edited, which makes it a draft again, published by hand, or withdrawn.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from config_service.changesets import publishing, trimming
from config_service.changesets.commands import (
    ApproveChangeSet,
    CreateChangeSet,
    EditChangeSet,
    PublishChangeSet,
    RejectChangeSet,
    ScheduleChangeSet,
    TrimChangeSets,
    UnscheduleChangeSet,
    WithdrawChangeSet,
)
from config_service.changesets.edits import digest, from_text, namespaces_of, to_text
from config_service.changesets.models import OPEN, ChangeSet, State
from config_service.entries.batch import Batch, Step
from config_service.entries.gates import no_namespace
from config_service.envelope import Done, OperationDone, Refusal
from consensus.sql import begin


def create(batch: Batch, step: Step, command: CreateChangeSet) -> Done | Refusal:
    """`Done.created_revision` is the id of a change set, `Done.type` its state."""
    begin()
    made = ChangeSet(id=step.revision, author=step.actor, created_at=_time(step.at))
    if refusal := _take_edits(batch, step, made, command):
        return refusal
    return _keep(step, made, created=True)


def edit(batch: Batch, step: Step, command: EditChangeSet) -> Done | Refusal:
    found = _find(command)
    if isinstance(found, Refusal):
        return found
    found.approved_by, found.approved_at, found.approved_digest = "", None, ""
    _unschedule(found)
    if refusal := _take_edits(batch, step, found, command):
        return refusal
    return _keep(step, found)


def approve(batch: Batch, step: Step, command: ApproveChangeSet) -> Done | Refusal:
    """Also of one that is scheduled: it may be that its namespace wants an approval only since then."""
    found = _find(command)
    if isinstance(found, Refusal):
        return found
    if found.approved:
        return _wrong_state(found, f"approved by {found.approved_by} already")
    if step.actor in found.writers:
        return Refusal("second_person_required", "who wrote any of a change set cannot approve it: another person must")
    found.approved_by, found.approved_at, found.approved_digest = step.actor, _time(step.at), found.digest
    if found.state == State.DRAFT:
        found.state = State.APPROVED
    return _keep(step, found)


def schedule(batch: Batch, step: Step, command: ScheduleChangeSet) -> Done | Refusal:
    """Refused where it could not be published now: people learn it while they are there. Again for another time."""
    found = _find(command)
    if isinstance(found, Refusal):
        return found
    if refusal := publishing.refusal(batch, found, from_text(found.edits)):
        return refusal
    found.state, found.publish_at, found.scheduled_by = State.SCHEDULED, _time(command.publish_at), step.actor
    return _keep(step, found)


def unschedule(batch: Batch, step: Step, command: UnscheduleChangeSet) -> Done | Refusal:
    found = _find(command)
    if isinstance(found, Refusal):
        return found
    if found.state != State.SCHEDULED:
        return _wrong_state(found, "not scheduled")
    _unschedule(found)
    return _keep(step, found)


def publish(batch: Batch, step: Step, command: PublishChangeSet) -> Done | Refusal:
    """`Done.succeeded` is false where it was due, could not be done, and so was rejected."""
    found = _find(command)
    if isinstance(found, Refusal):
        return found
    if command.due and found.state != State.SCHEDULED:
        return _wrong_state(found, "not scheduled")
    edits = from_text(found.edits)
    refusal = publishing.refusal(batch, found, edits)
    if refusal and not command.due:
        return refusal
    if refusal:
        found.state, found.reason = State.REJECTED, "\n".join(refusal.reasons) or refusal.detail
        return _keep(step, found, succeeded=False)
    if not command.due:
        # Published by this actor, ahead of the time that somebody has set.
        _unschedule(found)
    results = publishing.perform(batch, step, found, edits)
    found.state, found.published_revision = State.PUBLISHED, step.revision
    return _keep(step, found, results=results)


def withdraw(batch: Batch, step: Step, command: WithdrawChangeSet) -> Done | Refusal:
    found = _find(command)
    if isinstance(found, Refusal):
        return found
    found.state, found.reason = State.WITHDRAWN, command.reason
    return _keep(step, found)


def reject(batch: Batch, step: Step, command: RejectChangeSet) -> Done | Refusal:
    found = _find(command)
    if isinstance(found, Refusal):
        return found
    if found.state != State.SCHEDULED:
        return _wrong_state(found, "not scheduled")
    found.state, found.reason = State.REJECTED, command.reason
    return _keep(step, found)


HANDLERS: dict[type, Callable[[Batch, Step, Any], Done | Refusal]] = {
    CreateChangeSet: create,
    EditChangeSet: edit,
    ApproveChangeSet: approve,
    ScheduleChangeSet: schedule,
    UnscheduleChangeSet: unschedule,
    PublishChangeSet: publish,
    WithdrawChangeSet: withdraw,
    RejectChangeSet: reject,
    TrimChangeSets: trimming.trim,
}


def _find(command: Any) -> ChangeSet | Refusal:
    """The open change set that ``command`` names, as its proposer saw it."""
    begin()
    found = ChangeSet.objects.filter(pk=command.id).first()
    if found is None:
        return Refusal("not_found", f"there is no change set {command.id}")
    if found.state not in OPEN:
        return _wrong_state(found, f"{found.state} already")
    if found.revision != command.revision:
        detail = f"the change set is at revision {found.revision}, not {command.revision}: look at it again"
        return Refusal("precondition_failed", detail, found.revision)
    if getattr(command, "digest", found.digest) != found.digest:
        detail = "the edits are other ones now than those that were shown: look at them again"
        return Refusal("precondition_failed", detail, found.revision)
    return found


def _take_edits(
    batch: Batch, step: Step, change_set: ChangeSet, command: CreateChangeSet | EditChangeSet
) -> Refusal | None:
    """A change set without approval and schedule: a draft."""
    namespaces = namespaces_of(command.edits)
    for name in namespaces:
        if name not in batch.namespaces:
            return no_namespace(name)
    change_set.title, change_set.comment, change_set.state = command.title, command.comment, State.DRAFT
    change_set.edits, change_set.edit_count = to_text(command.edits), len(command.edits)
    change_set.namespaces, change_set.digest = namespaces, digest(command.edits)
    change_set.writers = sorted({*change_set.writers, step.actor})
    return None


def _unschedule(change_set: ChangeSet) -> None:
    change_set.state = State.APPROVED if change_set.approved else State.DRAFT
    change_set.publish_at, change_set.scheduled_by = None, ""


def _keep(
    step: Step,
    change_set: ChangeSet,
    *,
    created: bool = False,
    succeeded: bool = True,
    results: tuple[OperationDone, ...] = (),
) -> Done:
    change_set.revision, change_set.updated_at, change_set.updated_by = step.revision, _time(step.at), step.actor
    change_set.save(force_insert=created, force_update=not created)
    return Done(
        step.revision, created, change_set.id, type=change_set.state, at=step.at, changed=len(results),
        succeeded=succeeded, results=results,
    )  # fmt: skip


def _wrong_state(change_set: ChangeSet, what: str) -> Refusal:
    return Refusal("wrong_state", f"change set {change_set.id} is {what}", change_set.revision)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
