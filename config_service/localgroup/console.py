"""What the person at the terminal sees."""

import sys
import time

from config_service.localgroup import credentials
from config_service.localgroup.layout import GroupLayout
from config_service.localgroup.status import status


class Progress:
    """One line a step, with the time since the beginning."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, step: str) -> None:
        print(f"  {time.monotonic() - self._started:5.1f} s  {step}", flush=True)


def print_ready(group: GroupLayout, seconds: float) -> None:
    """The table of addresses, and how to sign in."""
    now = status(group)
    made = credentials.ensure(group)
    rows = [("node", "role", "admin", "REST")]
    rows += [
        (node.name, now["nodes"][node.name]["role"], f"{node.web_url}/admin/", f"{node.web_url}/api/v1/")
        for node in group.nodes.values()
    ]
    print(f"\nReady in {seconds:.1f} s.\n")
    _table(rows)
    first = next(iter(group.nodes.values()))
    print(f"\nSign in to any admin as {made['user']} with password {made['password']}")
    print(f"API token: {made['token']}\n\nTry:")
    print(f"  curl -H 'Authorization: Bearer {made['token']}' {first.web_url}/api/v1/namespaces/\n", flush=True)


def print_status(group: GroupLayout, now: dict) -> None:
    print(f"leader {now['leader'] or '(none)'}, term {now['term']}\n")
    rows = [("node", "role", "term", "commit", "applied", "state", "parts")]
    for name, node in now["nodes"].items():
        parts = " ".join(f"{part}:{state}" for part, state in node["parts"].items())
        rows.append((name, *(str(node[key]) for key in ("role", "term", "commit", "applied", "state")), parts))
    _table(rows)


def _table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    sys.stdout.flush()
