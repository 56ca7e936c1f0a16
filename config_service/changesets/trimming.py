"""Forgetting closed change sets by the rule in the command, a bounded piece at a time.

What they did stays: in the history of the entries, for as long as that is kept, and in the audit trail. A change set is
not changed any more once it is closed, so its ``revision`` and ``updated_at`` say when that was.
"""

from datetime import datetime, timedelta

from config_service.changesets.commands import TrimChangeSets
from config_service.changesets.models import CLOSED
from config_service.entries.batch import Batch, Step
from config_service.envelope import Done, Refusal
from consensus.sql import TextArray, begin, execute

_FORGET = """
DELETE FROM changesets_changeset WHERE id IN (
  SELECT id FROM (
    SELECT id, revision, updated_at FROM changesets_changeset
    WHERE state = ANY(%s) ORDER BY revision DESC OFFSET %s::bigint) older
  WHERE updated_at < %s::timestamptz ORDER BY revision LIMIT %s::bigint)
RETURNING id
"""


def trim(batch: Batch, step: Step, command: TrimChangeSets) -> Done | Refusal:
    begin()
    cutoff = datetime.fromisoformat(step.at) - timedelta(seconds=command.keep_s)
    rows = execute(_FORGET, TextArray(CLOSED), command.keep_closed, cutoff, command.at_once)
    gone = tuple(sorted(id for (id,) in rows))
    return Done(step.revision, at=step.at, changed=len(gone), counts=gone)
