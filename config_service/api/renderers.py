"""JSON out. Values are passed on as the text that is stored, so a number is never read and written again."""

from typing import Any

import msgspec
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer

PROBLEM = "application/problem+json"

to_json = msgspec.json.Encoder().encode


class JsonRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        response = (renderer_context or {}).get("response")
        if response is not None and getattr(response, "is_problem", False):
            response["Content-Type"] = PROBLEM
        return b"" if data is None else to_json(data)


class AlwaysJson(DefaultContentNegotiation):
    """One format, whatever ``Accept`` says: a person's browser is to see the answer, not a 406."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type
