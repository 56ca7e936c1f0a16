"""What the name and the value of a switch may be."""

import re

from config_service.errors import Invalid

MAX_VALUE_BYTES = 4096
MAX_COMMENT_LENGTH = 200
MAX_NAME_LENGTH = 100
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_NAME = re.compile(NAME)
# Paths below the switches that mean something else.
RESERVED = frozenset(("watch",))


def check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Invalid.field(
            "name", f"a name is 1 to {MAX_NAME_LENGTH} letters, digits, '.', '-' or '_', not starting with a sign"
        )
    if name in RESERVED:
        raise Invalid.field("name", f"a switch cannot be called {name!r}: this is a path of its own")
    return name
