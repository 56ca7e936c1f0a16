"""Forgetting records that are archived, a bounded piece at a time. The anchor keeps the chain whole."""

from config_service.audit.commands import AuditCommand, TrimAudit
from config_service.envelope import Done, Refusal
from consensus.sql import begin, execute

_NAMED = "SELECT digest FROM audit_auditrecord WHERE revision = %s::bigint"
_PIECE = """
SELECT revision, position, digest FROM (
  SELECT revision, position, digest FROM audit_auditrecord
  WHERE revision <= %s::bigint ORDER BY revision LIMIT %s::bigint) piece
ORDER BY revision DESC LIMIT 1
"""
_FORGET = "DELETE FROM audit_auditrecord WHERE revision <= %s::bigint"
_ANCHOR = """
INSERT INTO audit_auditanchor (id, revision, position, digest) VALUES (1, %s::bigint, %s::bigint, %s)
ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, position = excluded.position, digest = excluded.digest
"""


def apply(revision: int, at: str, command: AuditCommand) -> Done | Refusal:
    """What is proposed only to be recorded changes nothing else."""
    if not isinstance(command, TrimAudit):
        return Done(revision, at=at)
    begin()
    found = execute(_NAMED, command.revision).fetchone()
    if found is None:
        gone = execute("SELECT 1 FROM audit_auditanchor WHERE revision >= %s::bigint", command.revision).fetchone()
        return Done(revision, at=at) if gone else _refusal(command, "there is no such record")
    if bytes(found[0]) != command.digest:
        return _refusal(command, "it is another one than was archived")
    last, position, digest = execute(_PIECE, command.revision, command.at_once).fetchone()
    forgotten = execute(_FORGET, last).rowcount
    execute(_ANCHOR, last, position, bytes(digest))
    return Done(revision, at=at, changed=forgotten)


def _refusal(command: TrimAudit, why: str) -> Refusal:
    return Refusal("precondition_failed", f"the audit record at revision {command.revision}: {why}")
