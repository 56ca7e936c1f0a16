"""The replicated tables of this app, for images of them (`consensus.ports.ReplicatedTable`)."""

from consensus.ports import ReplicatedTable

TABLES = (ReplicatedTable("audit_auditrecord"), ReplicatedTable("audit_auditanchor"))
