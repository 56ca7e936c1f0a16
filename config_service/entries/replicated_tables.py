"""The replicated tables of this app, for images of them (`consensus.ports.ReplicatedTable`)."""

from consensus.ports import ReplicatedTable

TABLES = (
    ReplicatedTable("entries_namespace"),
    ReplicatedTable("entries_configentry"),
    ReplicatedTable("entries_entryrevision"),
    ReplicatedTable("entries_historyreach"),
    ReplicatedTable("entries_importpart"),
    ReplicatedTable("entries_schemaversion"),
)
