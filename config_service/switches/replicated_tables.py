"""The replicated table of this app, for images of it (`consensus.ports.ReplicatedTable`)."""

from consensus.ports import ReplicatedTable

TABLES = (ReplicatedTable("switches_switchchange"),)
