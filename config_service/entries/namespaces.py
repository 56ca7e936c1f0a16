"""Creating, describing and deleting namespaces. Rare, so each is written at once."""

from config_service.entries.batch import Batch, NamespaceRow, Step
from config_service.entries.commands import DeleteNamespace, PutNamespace
from config_service.entries.gates import no_namespace
from config_service.envelope import Done, Refusal
from consensus.sql import begin, execute

_SELECT = """
SELECT name, created_revision, colour, protected, requires_approval, require_if_match, schema, schema_version
FROM entries_namespace
"""
_PUT = """
INSERT INTO entries_namespace (name, description, colour, protected, requires_approval, require_if_match,
                               revision, created_revision, updated_at, updated_by)
VALUES (%s, coalesce(%s::text, ''), %s, %s::boolean, %s::boolean, %s::boolean,
        %s::bigint, %s::bigint, %s::timestamptz, %s)
ON CONFLICT (name) DO UPDATE SET
  description = coalesce(%s::text, entries_namespace.description), colour = excluded.colour,
  protected = excluded.protected, requires_approval = excluded.requires_approval,
  require_if_match = excluded.require_if_match, revision = excluded.revision,
  updated_at = excluded.updated_at, updated_by = excluded.updated_by
"""


def load() -> dict[str, NamespaceRow]:
    """There are few, so all are kept."""
    return {name: NamespaceRow(*columns) for name, *columns in execute(_SELECT).fetchall()}


def put(batch: Batch, step: Step, command: PutNamespace) -> Done | Refusal:
    row = batch.namespaces.get(command.name)
    created = row is None
    if command.must_not_exist and not created:
        return Refusal("already_exists", f"there is a namespace {command.name!r} already")
    row = row or NamespaceRow(step.revision)
    for mark in ("colour", "protected", "requires_approval", "require_if_match"):
        if (given := getattr(command, mark)) is not None:
            setattr(row, mark, given)
    begin()
    batch.namespaces[command.name] = row
    execute(
        _PUT, command.name, command.description, row.colour, row.protected, row.requires_approval, row.require_if_match,
        step.revision, row.created_revision, step.at, step.actor, command.description,
    )  # fmt: skip
    return Done(step.revision, created, row.created_revision, at=step.at)


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
