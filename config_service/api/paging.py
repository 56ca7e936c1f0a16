"""Pages of long answers: ``limit``, and a ``cursor`` that the caller passes on as it got it."""

import base64
import binascii
from dataclasses import dataclass

from config_service.api.bodies import read_number
from config_service.entries import validation
from config_service.errors import Invalid

PAGE_PARAMETERS = ("limit", "cursor")
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Page:
    """``mark`` is where the page before ended, "" for the first page."""

    limit: int
    mark: str

    def after_key(self) -> str:
        if self.mark:
            try:
                return validation.check_key(self.mark)
            except Invalid:
                raise _not_ours() from None
        return ""

    def before_id(self) -> int | None:
        if not self.mark:
            return None
        if not (self.mark.isascii() and self.mark.isdigit() and len(self.mark) <= 18):
            raise _not_ours()
        return int(self.mark)


def read_page(query: dict[str, str]) -> Page:
    text = query.get("cursor", "")
    try:
        padded = text + "=" * (-len(text) % 4)
        mark = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeError, ValueError):
        raise _not_ours() from None
    return Page(read_number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT), mark)


def cursor(mark: str) -> str:
    return base64.urlsafe_b64encode(mark.encode()).decode().rstrip("=")


def _not_ours() -> Invalid:
    return Invalid.field("cursor", "not a cursor of this service: pass on what `next` held")
