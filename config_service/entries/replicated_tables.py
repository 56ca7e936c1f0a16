"""The replicated tables of this app, for images of them (`consensus.ports.ReplicatedTable`)."""

from consensus.ports import ReplicatedTable

# What was told between the snapshot and its restoring is not in it, so nobody may go on from there: watchers, and
# whoever reads the past, are told that history begins where the log does.
HISTORY_BEGINS_ANEW = """
INSERT INTO entries_historyreach (id, oldest_revision, oldest_at, revision)
SELECT 1, %(index)s, coalesce(max(at), now()), %(index)s FROM entries_entryrevision
ON CONFLICT (id) DO UPDATE
SET oldest_revision = excluded.oldest_revision, oldest_at = excluded.oldest_at, revision = excluded.revision
"""

TABLES = (
    ReplicatedTable("entries_namespace"),
    ReplicatedTable("entries_configentry"),
    ReplicatedTable("entries_entryrevision"),
    ReplicatedTable("entries_historyreach", restored=HISTORY_BEGINS_ANEW),
    ReplicatedTable("entries_importpart"),
    ReplicatedTable("entries_schemaversion"),
)
