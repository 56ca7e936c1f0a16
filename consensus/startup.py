"""What every process of a node makes sure of before it does anything."""

import sys

from django.core.checks import Error, run_checks

# The tag of system checks that a node must pass, of whatever app.
NODE = "node"
EX_CONFIG = 78


def require_sound_settings() -> None:
    """Ends the process, with one clear line for each error, where a check with the tag `NODE` fails."""
    errors = [found for found in run_checks(tags=[NODE]) if found.is_serious()]
    for error in errors:
        print(f"this node cannot start: {_line(error)}", file=sys.stderr, flush=True)
    if errors:
        raise SystemExit(EX_CONFIG)


def _line(error: Error) -> str:
    return f"{error.msg} ({error.id}). {error.hint or ''}".rstrip()
