"""Who is to lead next: one rule for the leader, which hands over, and for those who tell people beforehand."""

from collections.abc import Mapping

NEAR = 256


def successor(behind: Mapping[str, int]) -> str:
    """Of the nodes that can lead the one to do so, "" if there is none. ``behind`` is how many log entries each lacks.

    Up to `NEAR` entries are sent to the next leader in a moment, so such nodes are equal, and the last name is taken:
    what a moment changes under load would make every forecast a guess.
    """
    if not behind:
        return ""
    limit = max(NEAR, min(behind.values()))
    return max(node for node, missing in behind.items() if missing <= limit)
