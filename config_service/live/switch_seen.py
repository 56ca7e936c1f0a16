"""Which version of each switch somebody has been told: all that is needed to go on, at any node.

As text it is ``GROUP/kill:3,old~7``: ``kill`` is known at version 3, ``old`` as deleted at version 7. The group is in
it because one that was restored from a snapshot counts its versions anew, and has an id of its own.
"""

import re

from config_service.errors import Invalid
from config_service.switches.stored import SwitchSnapshot
from config_service.switches.validation import NAME

# It travels in a header or a query.
MOST_BYTES = 16 * 1024
_ONE = re.compile(rf"({NAME})([:~])(\d{{1,15}})")


class Seen:
    """``group`` is whose switches they are."""

    def __init__(self, group: str):
        self._group = group
        self.live: dict[str, int] = {}
        self.deleted: dict[str, int] = {}

    def take(self, told: SwitchSnapshot) -> bool:
        """``told`` is known from now on. Whether that is news: what is older or the same never is, nor is a deletion of
        what nobody said was there."""
        name, version = told.name, told.version
        if version <= max(self.live.get(name, 0), self.deleted.get(name, 0)):
            return False
        if told.value_json:
            self.deleted.pop(name, None)
            self.live[name] = version
            return True
        was_there = self.live.pop(name, None) is not None
        if was_there or name in self.deleted:
            self.deleted[name] = version
        return was_there

    def text(self) -> str:
        """Empty where it would be too long even without what is deleted."""
        live = [f"{name}:{version}" for name, version in self.live.items()]
        deleted = [f"{name}~{version}" for name, version in self.deleted.items()]
        for known in (live + deleted, live):
            if len(text := f"{self._group}/{','.join(known)}") <= MOST_BYTES:
                return text
        return ""


def read_seen(text: str, group: str) -> Seen | None:
    """None: it names another group, so nothing is known. Raises `Invalid`."""
    named, slash, known = text.rpartition("/")
    found = [_ONE.fullmatch(one) for one in known.split(",")] if known else []
    if not slash or None in found or len(text) > MOST_BYTES:
        raise Invalid("this is not what a watch of switches gave")
    if named != group:
        return None
    seen = Seen(group)
    for one in found:
        name, sign, version = one.groups()
        (seen.live if sign == ":" else seen.deleted)[name] = int(version)
    return seen
