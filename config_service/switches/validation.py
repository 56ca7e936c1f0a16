"""What the name and the value of a switch may be."""

import re

from config_service.errors import Invalid

MAX_VALUE_BYTES = 4096
MAX_COMMENT_LENGTH = 200
MAX_NAME_LENGTH = 100
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_NAME = re.compile(NAME)


def check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Invalid.field(
            "name", f"a name is 1 to {MAX_NAME_LENGTH} letters, digits, '.', '-' or '_', not starting with a sign"
        )
    return name
