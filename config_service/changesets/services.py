"""Change sets: propose edits, have them approved, publish them now or at a time. For admin, REST and commands alike.

What is done with a change set is bound to it as it was ``seen``, by whoever checked what the actor may (`access`): if
it has changed since, `PreconditionFailed`. Every function may raise `config_service.errors.ProductError` (nothing was
changed) or a `consensus.errors.ConsensusError`, and returns the change set as this node holds it afterwards.
``request_id`` makes a retry harmless; without one, each call is a new request.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from config_service.changesets import drafting
from config_service.changesets.commands import (
    ApproveChangeSet,
    CreateChangeSet,
    EditChangeSet,
    PublishChangeSet,
    ScheduleChangeSet,
    UnscheduleChangeSet,
    WithdrawChangeSet,
)
from config_service.changesets.drafting import Wanted
from config_service.changesets.selectors import ChangeSetSnapshot, get_change_set
from config_service.entries.snapshots import time_text
from config_service.entries.validation import MAX_COMMENT_LENGTH
from config_service.envelope import CommandBase
from config_service.errors import Invalid, PreconditionFailed
from config_service.proposing import first_answer, propose
from config_service.texts import check_text
from consensus import reads
from consensus.client import new_request_id

MAX_TITLE_LENGTH = 200
MAX_REASON_LENGTH = 2000
MAX_AHEAD = timedelta(days=366)
_VERSION = 1


def create(
    actor: str, title: str, edits: Sequence[Wanted], *, comment: str = "", request_id: str = ""
) -> ChangeSetSnapshot:
    """A draft. Edits are based on what is there now, unless they say on what."""
    _check_texts(title, comment)
    request_id = request_id or new_request_id()
    # What this node has applied must not be older than what the caller has seen elsewhere.
    reads.catch_up()
    drafted = drafting.draft(edits, request_id)
    asked = _asked("create", actor, title, comment, [one.asked for one in drafted])
    done = first_answer(request_id, asked)
    if done is None:
        done = propose(CreateChangeSet(title, comment, drafting.bind(drafted)), actor, request_id, asked=asked)
    return get_change_set(done.created_revision)


def edit(
    actor: str,
    seen: ChangeSetSnapshot,
    title: str,
    edits: Sequence[Wanted],
    *,
    comment: str = "",
    expected_revision: int | None = None,
    request_id: str = "",
) -> ChangeSetSnapshot:
    """Replaces title, comment and all edits; those that are to stay are named with ``keep``. It is a draft again: what
    was approved or scheduled is so no longer."""
    _check_texts(title, comment)
    request_id = request_id or new_request_id()
    reads.catch_up()
    drafted = drafting.draft(edits, request_id, seen.edits)
    given = (title, comment, [one.asked for one in drafted])
    return _do(
        actor, seen, "edit", given, request_id, expected_revision,
        lambda: EditChangeSet(seen.id, seen.revision, title, comment, drafting.bind(drafted)),
    )  # fmt: skip


def approve(
    actor: str, seen: ChangeSetSnapshot, digest: str, *, expected_revision: int | None = None, request_id: str = ""
) -> ChangeSetSnapshot:
    """``digest`` is of what the actor was shown. `SecondPersonRequired` for who wrote any of it."""
    return _do(
        actor, seen, "approve", (digest,), request_id, expected_revision,
        lambda: ApproveChangeSet(seen.id, seen.revision, digest), digest,
    )  # fmt: skip


def schedule(
    actor: str,
    seen: ChangeSetSnapshot,
    digest: str,
    publish_at: datetime,
    *,
    expected_revision: int | None = None,
    request_id: str = "",
) -> ChangeSetSnapshot:
    """To be published at ``publish_at`` by the leader, provided that the actor may still publish then. Again for
    another time."""
    at = time_text(publish_at)

    def command() -> ScheduleChangeSet:
        ahead = publish_at - datetime.now(UTC)
        if ahead < timedelta(0):
            raise Invalid.field("publish_at", "this time is past")
        if ahead > MAX_AHEAD:
            raise Invalid.field("publish_at", f"at most {MAX_AHEAD.days} days ahead")
        return ScheduleChangeSet(seen.id, seen.revision, digest, at)

    return _do(actor, seen, "schedule", (digest, at), request_id, expected_revision, command, digest)


def unschedule(
    actor: str, seen: ChangeSetSnapshot, *, expected_revision: int | None = None, request_id: str = ""
) -> ChangeSetSnapshot:
    """It stays approved, where it was."""
    return _do(
        actor, seen, "unschedule", (), request_id, expected_revision,
        lambda: UnscheduleChangeSet(seen.id, seen.revision),
    )  # fmt: skip


def publish(
    actor: str, seen: ChangeSetSnapshot, digest: str, *, expected_revision: int | None = None, request_id: str = ""
) -> ChangeSetSnapshot:
    """All edits at one revision, or none: `ChangeSetConflict` where an entry has changed since its edit was made,
    `SchemaViolation`, `ApprovalRequired`. Refused, the change set stays as it was."""
    return _do(
        actor, seen, "publish", (digest,), request_id, expected_revision,
        lambda: PublishChangeSet(seen.id, seen.revision, digest), digest,
    )  # fmt: skip


def withdraw(
    actor: str,
    seen: ChangeSetSnapshot,
    reason: str = "",
    *,
    expected_revision: int | None = None,
    request_id: str = "",
) -> ChangeSetSnapshot:
    check_text("reason", reason, MAX_REASON_LENGTH)
    return _do(
        actor, seen, "withdraw", (reason,), request_id, expected_revision,
        lambda: WithdrawChangeSet(seen.id, seen.revision, reason),
    )  # fmt: skip


def _do(
    actor: str,
    seen: ChangeSetSnapshot,
    step: str,
    given: tuple[Any, ...],
    request_id: str,
    expected_revision: int | None,
    command: Callable[[], CommandBase],
    digest: str | None = None,
) -> ChangeSetSnapshot:
    """A request that was applied before is answered again, although the change set has moved on since, by itself."""
    request_id = request_id or new_request_id()
    asked = _asked(step, actor, seen.id, expected_revision, *given)
    if first_answer(request_id, asked) is None:
        if expected_revision is not None and expected_revision != seen.revision:
            detail = f"the change set is at revision {seen.revision}, not {expected_revision}"
            raise PreconditionFailed(detail, seen.revision)
        if digest is not None and seen.open and digest != seen.digest:
            detail = "the edits are not those that the digest is of: look at them again"
            raise PreconditionFailed(detail, seen.revision)
        propose(command(), actor, request_id, asked=asked)
    return get_change_set(seen.id)


def _check_texts(title: str, comment: str) -> None:
    check_text("title", title, MAX_TITLE_LENGTH)
    if not title.strip():
        raise Invalid.field("title", "a title is needed")
    check_text("comment", comment, MAX_COMMENT_LENGTH)


def _asked(*told: Any) -> bytes:
    """The fingerprint of a request: what was asked for, not what was found."""
    return blake2b(msgspec.msgpack.encode((_VERSION, "changesets", *told)), digest_size=16).digest()
