"""Applying a change of a namespace's rules."""

from config_service.entries.batch import Batch, Step
from config_service.entries.commands import PutSchema
from config_service.entries.gates import no_namespace
from config_service.entries.schemas.rules import Rules, parse, told
from config_service.entries.snapshots import SECRET
from config_service.envelope import Done, Refusal
from config_service.errors import Invalid
from consensus.sql import execute

_WRITTEN_SINCE = """
SELECT key, value FROM entries_configentry
WHERE namespace_id = %s AND revision > %s::bigint AND type <> %s ORDER BY key
"""
_LAST_VERSION = "SELECT coalesce(max(version), 0) FROM entries_schemaversion WHERE namespace = %s"
_KEEP = """
INSERT INTO entries_schemaversion (id, namespace, version, rules, at, actor, comment, forced)
VALUES (%s::bigint, %s, %s::bigint, %s, %s::timestamptz, %s, %s, %s::boolean)
"""
_USE = """
UPDATE entries_namespace SET schema = %s, schema_version = %s::bigint, revision = %s::bigint,
  updated_at = %s::timestamptz, updated_by = %s WHERE name = %s
"""


def put(batch: Batch, step: Step, command: PutSchema) -> Done | Refusal:
    """`Done.version` is that of the new rules. Versions of one name are never used again."""
    name, row = command.namespace, batch.namespaces.get(command.namespace)
    if row is None:
        return no_namespace(name)
    if command.expected_version is not None and command.expected_version != row.schema_version:
        now = f"the rules of {name!r} are at version {row.schema_version}, not {command.expected_version}"
        return Refusal("precondition_failed", now, row.schema_version)
    if not command.rules and not row.schema:
        return Refusal("not_found", f"{name!r} has no rules")
    try:
        rules = parse(command.rules) if command.rules else None
    except Invalid as error:
        return Refusal("unprocessable", error.detail)
    batch.settle()
    if rules is not None and not command.forced and (broken := _broken(name, rules, command.seen_revision)):
        return Refusal("schema_conflict", f"a value that was written meanwhile breaks the new rules: {broken}")
    version = execute(_LAST_VERSION, name).fetchone()[0] + 1
    about = (step.at, step.actor)
    execute(_KEEP, step.revision, name, version, command.rules, *about, command.comment, command.forced)
    execute(_USE, command.rules, version, step.revision, *about, name)
    row.schema, row.schema_version = command.rules, version
    return Done(step.revision, version=version, at=step.at)


def _broken(namespace: str, rules: Rules, seen_revision: int) -> str:
    for key, value_json in execute(_WRITTEN_SINCE, namespace, seen_revision, SECRET).fetchall():
        if found := rules.violations_of_text(key, value_json):
            return f"{key}: {told(found)[0]}"
    return ""
