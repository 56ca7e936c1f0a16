"""Creating, describing and deleting namespaces. Rare, so each is written at once."""

from config_service.entries.batch import Batch, Step
from config_service.entries.commands import DeleteNamespace, PutNamespace
from config_service.entries.decisions import no_namespace
from config_service.envelope import Done, Refusal
from consensus.sql import begin, execute

_PUT = """
INSERT INTO entries_namespace (name, description, revision, created_revision, updated_at, updated_by)
VALUES (%s, %s, %s::bigint, %s::bigint, %s::timestamptz, %s)
ON CONFLICT (name) DO UPDATE SET description = excluded.description, revision = excluded.revision,
  updated_at = excluded.updated_at, updated_by = excluded.updated_by
"""


def put(batch: Batch, step: Step, command: PutNamespace) -> Done | Refusal:
    created = command.name not in batch.namespaces
    if command.must_not_exist and not created:
        return Refusal("already_exists", f"there is a namespace {command.name!r} already")
    begin()
    first = batch.namespaces.setdefault(command.name, step.revision)
    execute(_PUT, command.name, command.description, step.revision, first, step.at, step.actor)
    return Done(step.revision, created, first, at=step.at)


def delete(batch: Batch, step: Step, command: DeleteNamespace) -> Done | Refusal:
    if command.name not in batch.namespaces:
        return no_namespace(command.name)
    batch.settle()
    held = execute("SELECT 1 FROM entries_configentry WHERE namespace_id = %s LIMIT 1", command.name).fetchone()
    if held:
        return Refusal("namespace_not_empty", f"namespace {command.name!r} still holds entries")
    execute("DELETE FROM entries_namespace WHERE name = %s", command.name)
    del batch.namespaces[command.name]
    return Done(step.revision, at=step.at)
