"""What any free text may be that is stored and sent on, and which texts are times."""

import re
from datetime import UTC, datetime, tzinfo

from config_service.errors import Invalid

SURROGATE = re.compile("[\ud800-\udfff]")


def check_text(field: str, text: str, longest: int) -> str:
    """Free text that Postgres can hold and UTF-8 can carry."""
    if len(text) > longest:
        raise Invalid.field(field, f"at most {longest} characters")
    if "\0" in text or SURROGATE.search(text):
        raise Invalid.field(field, "NUL characters and lone surrogates are not allowed")
    return text


def read_time(text: str, zone: tzinfo | None = None) -> datetime | None:
    """From ISO 8601, in UTC. A time that does not say its zone is one of ``zone``, and without that none."""
    try:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo else at.replace(tzinfo=zone)
        return at.astimezone(UTC) if at.tzinfo else None
    except (ValueError, OverflowError):
        return None


def check_time(field: str, text: str) -> datetime:
    at = read_time(text)
    if at is None:
        raise Invalid.field(field, "a time with its zone, such as 2026-05-04T12:00:00Z")
    return at


def show_time(text: str) -> str:
    """A time as people read it, in UTC and to the second. What is no time is shown as it is."""
    at = read_time(text)
    return text if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
