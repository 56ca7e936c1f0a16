"""May one entry be put or deleted? Decided over a `Batch`, in the order of the log."""

from datetime import datetime, timedelta

from config_service.entries.batch import Batch, Row, Step
from config_service.entries.commands import DeleteEntry, PutEntry, ResealEntry
from config_service.entries.gates import value_refusal, write_refusal
from config_service.entries.operations import Put
from config_service.entries.snapshots import SECRET
from config_service.entries.validation import type_to_keep
from config_service.envelope import Done, Refusal


def put(batch: Batch, step: Step, command: PutEntry) -> Done | Refusal:
    conditional = command.must_exist or command.must_not_exist or command.expected_revision is not None
    if refusal := write_refusal(batch, command.namespace, conditional=conditional):
        return refusal
    key = (command.namespace, command.key)
    before = batch.rows[key]
    if refusal := _put_refusal(command, before):
        return refusal
    if before is not None and before.type == SECRET and not command.type_given:
        return secret_in_clear()
    kind = kind_to_write(before, command)
    if refusal := value_refusal(batch, key, command.value_json, kind):
        return refusal
    expires_at = command.expires_at or expiry(step.at, command.ttl_s)
    row = batch.put(step, key, command.value_json, kind, command.comment, expires_at)
    created = before is None
    return Done(step.revision, created, row.created_revision, row.version, kind, step.at, expires_at=expires_at)


def reseal(batch: Batch, step: Step, command: ResealEntry) -> Done | Refusal:
    key = (command.namespace, command.key)
    row = batch.rows[key]
    if row is None or row.type != SECRET or row.revision != command.expected_revision:
        return stale(command.expected_revision, row)
    row = batch.put(step, key, command.value_json, SECRET, command.comment, command.expires_at)
    return Done(step.revision, False, row.created_revision, row.version, SECRET, step.at, expires_at=command.expires_at)


def delete(batch: Batch, step: Step, command: DeleteEntry) -> Done | Refusal:
    conditional = command.must_exist or command.expected_revision is not None
    if refusal := write_refusal(batch, command.namespace, conditional=conditional):
        return refusal
    key = (command.namespace, command.key)
    row = batch.rows[key]
    if row is None and (command.must_exist or command.expected_revision is not None):
        return missing()
    if row is None:
        return Refusal("not_found", f"there is no entry {command.key!r} in namespace {command.namespace!r}")
    if command.expected_revision is not None and command.expected_revision != row.revision:
        return stale(command.expected_revision, row)
    batch.delete(step, key)
    return Done(step.revision, at=step.at)


def _put_refusal(command: PutEntry, row: Row | None) -> Refusal | None:
    if command.must_not_exist and row is not None:
        return Refusal("precondition_failed", "the entry exists already", row.revision)
    if command.must_exist and row is None:
        return missing()
    expected = command.expected_revision
    if expected is not None and expected != (row.revision if row else 0):
        return stale(expected, row)
    return None


def kind_to_write(before: Row | None, put: PutEntry | Put) -> str:
    """Without a type of its own, the value takes the entry's where it fits."""
    return put.type if before is None or put.type_given else type_to_keep(before.type, put.type)


def expiry(at: str, ttl_s: int) -> str:
    """When an entry written ``at`` expires, "" for never: counted from the proposer's time, the same on every node."""
    if not ttl_s:
        return ""
    until = datetime.fromisoformat(at) + timedelta(seconds=ttl_s)
    return until.isoformat(timespec="microseconds").replace("+00:00", "Z")


def secret_in_clear() -> Refusal:
    """The proposer did not know yet that the entry is a secret, so it did not seal the value."""
    return Refusal("type_mismatch", "this entry is a secret: write it with a type")


def missing() -> Refusal:
    return Refusal("precondition_failed", "the entry does not exist")


def stale(expected: int, row: Row | None) -> Refusal:
    current = row.revision if row else 0
    now = f"is at revision {current}" if current else "does not exist"
    return Refusal("precondition_failed", f"expected revision {expected}, but the entry {now}", current)
