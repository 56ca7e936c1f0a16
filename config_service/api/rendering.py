"""An entry as the reads from memory answer it."""

from config_service.api.entries import entry_body
from config_service.api.renderers import to_json
from config_service.entries.snapshots import EntrySnapshot


def render_held(entry: EntrySnapshot) -> bytes | None:
    """None for a secret, which is left to the views."""
    return None if entry.masked else to_json(entry_body(entry))
