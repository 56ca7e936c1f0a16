"""What any free text may be that is stored and sent on."""

import re

from config_service.errors import Invalid

SURROGATE = re.compile("[\ud800-\udfff]")


def check_text(field: str, text: str, longest: int) -> str:
    """Free text that Postgres can hold and UTF-8 can carry."""
    if len(text) > longest:
        raise Invalid.field(field, f"at most {longest} characters")
    if "\0" in text or SURROGATE.search(text):
        raise Invalid.field(field, "NUL characters and lone surrogates are not allowed")
    return text
