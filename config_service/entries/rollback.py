"""Bringing entries back to what history says they were."""

from config_service.entries.batch import Batch, Step
from config_service.entries.commands import RevertNamespace, RollbackEntry, RollbackNamespace
from config_service.entries.compaction import oldest_revision
from config_service.entries.decisions import missing, stale
from config_service.entries.gates import value_refusal, write_refusal
from config_service.entries.models import IDS_PER_REVISION
from config_service.envelope import Done, Refusal
from consensus.sql import execute

_OF_ENTRY = """
SELECT operation, value, type FROM entries_entryrevision
WHERE namespace = %s AND key = %s AND id < %s::bigint ORDER BY id DESC LIMIT 1
"""
# What every entry that has changed since was then; no operation where it was not there yet.
_OF_NAMESPACE = """
SELECT changed.key, coalesce(past.operation, 'delete'), coalesce(past.value, ''), coalesce(past.type, ''),
       now.value IS NOT DISTINCT FROM past.value AND now.type IS NOT DISTINCT FROM past.type AS same
FROM (SELECT DISTINCT key FROM entries_entryrevision WHERE namespace = %s AND id >= %s::bigint) changed
LEFT JOIN LATERAL (
  SELECT operation, value, type FROM entries_entryrevision
  WHERE namespace = %s AND key = changed.key AND id < %s::bigint ORDER BY id DESC LIMIT 1) past ON true
LEFT JOIN entries_configentry now ON now.namespace_id = %s AND now.key = changed.key
ORDER BY changed.key
"""

_FIRST_AFTER = """
SELECT revision FROM entries_entryrevision WHERE namespace = %s AND id >= %s::bigint ORDER BY id LIMIT 1
"""


def entry(batch: Batch, step: Step, command: RollbackEntry) -> Done | Refusal:
    """Deleted entries come back; an entry that was not there then is refused."""
    conditional = command.must_exist or command.expected_revision is not None
    if refusal := write_refusal(batch, command.namespace, conditional=conditional):
        return refusal
    key = (command.namespace, command.key)
    row = batch.rows[key]
    if row is None and command.must_exist:
        return missing()
    if command.expected_revision is not None and command.expected_revision != (row.revision if row else 0):
        return stale(command.expected_revision, row)
    if command.revision >= step.revision:
        return _future(command.revision, step)
    batch.settle()
    past = execute(_OF_ENTRY, *key, (command.revision + 1) * IDS_PER_REVISION).fetchone()
    if past is None and command.revision < (oldest := oldest_revision()):
        return _compacted(command.revision, oldest)
    if past is None or past[0] == "delete":
        return Refusal("not_found", f"there was no entry {command.key!r} at revision {command.revision}")
    if refusal := value_refusal(batch, key, past[1], past[2]):
        return refusal
    written = batch.put(step, key, past[1], past[2], command.comment)
    return Done(step.revision, row is None, written.created_revision, written.version, written.type, step.at)


def namespace(batch: Batch, step: Step, command: RollbackNamespace, seen: bool = False) -> Done | Refusal:
    """`Done.changed` counts the entries that were different."""
    if refusal := write_refusal(batch, command.namespace, conditional=seen):
        return refusal
    if command.revision >= step.revision:
        return _future(command.revision, step)
    batch.settle()
    if command.revision < (oldest := oldest_revision()):
        return _compacted(command.revision, oldest)
    name, end_id = command.namespace, (command.revision + 1) * IDS_PER_REVISION
    found = execute(_OF_NAMESPACE, name, end_id, name, end_id, name).fetchall()
    batch.load([(name, key) for key, *_ in found])
    different = [
        (key, operation, value, kind)
        for key, operation, value, kind, same in found
        if (batch.rows[name, key] is not None if operation == "delete" else not same)
    ]
    if command.revision < batch.namespaces[name].created_revision and all(one[1] == "delete" for one in found):
        return Refusal("not_found", f"there was no namespace {name!r} at revision {command.revision}")
    if len(different) > IDS_PER_REVISION:
        return Refusal("too_large", f"{len(different)} entries are different, more than {IDS_PER_REVISION}")
    for key, operation, value, kind in different:
        if operation != "delete" and (refusal := value_refusal(batch, (name, key), value, kind)):
            return refusal
    for key, operation, value, kind in different:
        if operation == "delete":
            batch.delete(step, (name, key), command.comment)
        else:
            batch.put(step, (name, key), value, kind, command.comment)
    return Done(step.revision, at=step.at, changed=len(different))


def namespace_as_seen(batch: Batch, step: Step, command: RevertNamespace) -> Done | Refusal:
    batch.settle()
    first_id = (command.seen_revision + 1) * IDS_PER_REVISION
    found = execute(_FIRST_AFTER, command.namespace, first_id).fetchone()
    # What was deleted and forgotten since leaves no change to find.
    if found or command.seen_revision < oldest_revision():
        later = found[0] if found else step.revision
        detail = f"an entry of {command.namespace!r} has changed at revision {later}, after what you were shown"
        return Refusal("precondition_failed", detail, later)
    return namespace(batch, step, RollbackNamespace(command.namespace, command.revision, command.comment), True)


def _future(asked: int, step: Step) -> Refusal:
    return Refusal("future_revision", f"revision {asked} is yet to come", step.revision - 1)


def _compacted(asked: int, oldest: int) -> Refusal:
    return Refusal("compacted", f"revision {asked} is compacted: history reaches back to revision {oldest}", oldest)
