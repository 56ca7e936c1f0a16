"""Forgetting old history by the rule in the command, a bounded piece at a time.

Every state from ``oldest_revision`` on stays readable: of each entry the last change up to there is kept. Beyond that
an entry that exists keeps its last ``keep_revisions`` changes; one that was deleted by then keeps none.
"""

from datetime import datetime, timedelta

from config_service.entries.batch import Batch, Step
from config_service.entries.commands import CompactHistory
from config_service.entries.models import IDS_PER_REVISION
from config_service.envelope import Done, Refusal
from consensus.sql import execute

_OLDEST = "SELECT oldest_revision FROM entries_historyreach WHERE id = 1"
_FIRST_YOUNG = """
SELECT revision FROM entries_entryrevision WHERE id >= %s::bigint AND at >= %s::timestamptz ORDER BY id LIMIT 1
"""
_NTH = "SELECT revision FROM entries_entryrevision WHERE id >= %s::bigint ORDER BY id OFFSET %s::bigint LIMIT 1"
_PIECE = "SELECT count(*), max(at) FROM entries_entryrevision WHERE id >= %s::bigint AND id < %s::bigint"
# Only entries that changed in the piece are looked at. ``last`` is an entry's newest change, ``base`` the one that
# tells its state at the end of the piece, ``nth`` the oldest of those to keep whatever their age.
_FORGET = """
DELETE FROM entries_entryrevision r USING (
  SELECT t.namespace, t.key, last.id AS last_id, last.operation AS last_operation,
         base.id AS base_id, base.operation AS base_operation, coalesce(nth.id, 0) AS nth_id
  FROM (SELECT DISTINCT namespace, key FROM entries_entryrevision WHERE id >= %s::bigint AND id < %s::bigint) t
  CROSS JOIN LATERAL (
    SELECT id, operation FROM entries_entryrevision
    WHERE namespace = t.namespace AND key = t.key ORDER BY id DESC LIMIT 1) last
  CROSS JOIN LATERAL (
    SELECT id, operation FROM entries_entryrevision
    WHERE namespace = t.namespace AND key = t.key AND id < %s::bigint ORDER BY id DESC LIMIT 1) base
  LEFT JOIN LATERAL (
    SELECT id FROM entries_entryrevision
    WHERE namespace = t.namespace AND key = t.key ORDER BY id DESC OFFSET %s::bigint LIMIT 1) nth ON true
) k
WHERE r.namespace = k.namespace AND r.key = k.key AND r.id < %s::bigint AND (
  (k.last_operation = 'delete' AND k.last_id < %s::bigint)
  OR (r.id < k.nth_id AND (r.id < k.base_id OR k.base_operation = 'delete')))
"""
_REACH = """
INSERT INTO entries_historyreach (id, oldest_revision, oldest_at, revision)
VALUES (1, %s::bigint, %s::timestamptz, %s::bigint)
ON CONFLICT (id) DO UPDATE SET oldest_revision = excluded.oldest_revision, revision = excluded.revision,
  oldest_at = greatest(entries_historyreach.oldest_at, excluded.oldest_at)
"""


def oldest_revision() -> int:
    row = execute(_OLDEST).fetchone()
    return row[0] if row else 0


def compact(batch: Batch, step: Step, command: CompactHistory) -> Done | Refusal:
    """`Done.changed` counts the changes that were looked at; after 0 there is nothing left to do."""
    batch.settle()
    first_id = (oldest_revision() + 1) * IDS_PER_REVISION
    cutoff = datetime.fromisoformat(step.at) - timedelta(seconds=command.keep_s)
    end = _end(first_id, cutoff, command.at_once, step.revision)
    end_id = end * IDS_PER_REVISION
    looked_at, newest_at = execute(_PIECE, first_id, end_id).fetchone()
    if looked_at:
        execute(_FORGET, first_id, end_id, end_id, command.keep_revisions - 1, end_id, end_id)
        execute(_REACH, end - 1, newest_at, step.revision)
    return Done(step.revision, at=step.at, changed=looked_at)


def _end(first_id: int, cutoff: datetime, at_once: int, revision: int) -> int:
    """The revision before which this piece ends: the first that is too young, or that goes beyond ``at_once``. One
    revision is never cut, however many changes it holds."""
    start = execute(_NTH, first_id, 0).fetchone()
    young = execute(_FIRST_YOUNG, first_id, cutoff).fetchone()
    beyond = execute(_NTH, first_id, at_once).fetchone()
    ends = [revision]
    if young:
        ends.append(young[0])
    if beyond:
        ends.append(max(beyond[0], start[0] + 1))
    return min(ends)
