"""What can be proposed about change sets. ``revision`` is that of the change set as the proposer saw it: whoever was
faster makes it refused, and what the proposer was allowed to do is what is done."""

from config_service.changesets.edits import Edit, namespaces_of
from config_service.envelope import CommandBase, Done, Target


def _target(id: int, detail: str = "") -> Target:
    return Target("change_set", id=str(id), detail=detail)


def _written(id: int, edits: tuple[Edit, ...]) -> tuple[Target, ...]:
    return tuple(
        Target("change_set", name, id=str(id), detail=f"{sum(edit.namespace == name for edit in edits)} edits")
        for name in namespaces_of(edits)
    )


class CreateChangeSet(CommandBase, frozen=True, tag="changesets.create"):
    title: str
    comment: str
    edits: tuple[Edit, ...]

    def touches(self, done: Done) -> tuple[Target, ...]:
        return _written(done.created_revision, self.edits)


class EditChangeSet(CommandBase, frozen=True, tag="changesets.edit"):
    """Replaces all edits. What was approved or scheduled is so no longer."""

    id: int
    revision: int
    title: str
    comment: str
    edits: tuple[Edit, ...]

    def touches(self, done: Done) -> tuple[Target, ...]:
        return _written(self.id, self.edits)


class ApproveChangeSet(CommandBase, frozen=True, tag="changesets.approve"):
    """``digest`` is of the edits that the approver was shown."""

    id: int
    revision: int
    digest: str

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (_target(self.id, self.digest),)


class ScheduleChangeSet(CommandBase, frozen=True, tag="changesets.schedule"):
    id: int
    revision: int
    digest: str
    publish_at: str

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (_target(self.id, f"for {self.publish_at}"),)


class UnscheduleChangeSet(CommandBase, frozen=True, tag="changesets.unschedule"):
    id: int
    revision: int

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (_target(self.id),)


class PublishChangeSet(CommandBase, frozen=True, tag="changesets.publish"):
    """``due``: its time has come. If it cannot be done then, the change set is rejected."""

    id: int
    revision: int
    digest: str
    due: bool = False

    def touches(self, done: Done) -> tuple[Target, ...]:
        if not done.succeeded:
            return (_target(self.id, "rejected"),)
        entries = (Target("entry", one.namespace, one.key, detail=one.operation) for one in done.results)
        return (_target(self.id), *entries)


class WithdrawChangeSet(CommandBase, frozen=True, tag="changesets.withdraw"):
    id: int
    revision: int
    reason: str = ""

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (_target(self.id),)


class RejectChangeSet(CommandBase, frozen=True, tag="changesets.reject"):
    """Of a scheduled one, by the system: whoever scheduled it may not publish any more."""

    id: int
    revision: int
    reason: str

    def touches(self, done: Done) -> tuple[Target, ...]:
        return (_target(self.id, self.reason),)


class TrimChangeSets(CommandBase, frozen=True, tag="changesets.trim"):
    """Forget closed change sets that were closed more than ``keep_s`` ago (by the times in the commands) and are not
    among the last ``keep_closed`` that were closed; the oldest first, at most ``at_once``. `Done.counts` are their ids:
    without any there is nothing left to do."""

    keep_closed: int
    keep_s: int
    at_once: int

    def touches(self, done: Done) -> tuple[Target, ...]:
        return tuple(_target(id, "forgotten") for id in done.counts)


ChangeSetsCommand = (
    CreateChangeSet
    | EditChangeSet
    | ApproveChangeSet
    | ScheduleChangeSet
    | UnscheduleChangeSet
    | PublishChangeSet
    | WithdrawChangeSet
    | RejectChangeSet
    | TrimChangeSets
)
