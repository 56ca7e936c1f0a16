"""JSON in: read with a limit, parsed strictly."""

from typing import IO, Any

from rest_framework.parsers import BaseParser

from config_service.entries.validation import BODY_DEPTH, parse_json
from config_service.errors import Invalid, TooLarge

# A value of 512 KiB may be written with every character escaped.
MAX_BODY_BYTES = 4 * 1024 * 1024


class StrictJsonParser(BaseParser):
    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        data = stream.read(MAX_BODY_BYTES + 1)
        if len(data) > MAX_BODY_BYTES:
            raise TooLarge(f"a body has at most {MAX_BODY_BYTES} bytes")
        body = parse_json(data, BODY_DEPTH)
        if not isinstance(body, dict):
            raise Invalid("the body must be a JSON object")
        return body
