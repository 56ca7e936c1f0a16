"""An entry as the reads from memory answer it."""

from config_service.api.entries import entry_body
from config_service.api.renderers import to_json
from config_service.entries.snapshots import EntrySnapshot

# To be seen only by those who may, which is for the views to decide.
SEALED = ("secret",)


def render_held(entry: EntrySnapshot) -> bytes | None:
    return None if entry.type in SEALED else to_json(entry_body(entry))
