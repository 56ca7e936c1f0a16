"""The text of a line of a comparison. A template of its own for each line took most of the time of long pages."""

from collections.abc import Sequence

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from config_service.differences.lines import CHANGED, Piece

register = template.Library()


@register.simple_tag
def pieces(line: Sequence[Piece] | None, kind: str, tag: str) -> SafeString:
    """``tag``, ins or del, goes around what has changed within a line."""
    if kind != CHANGED:
        return mark_safe("".join(escape(piece.text) for piece in line or ()))
    parts = (f"<{tag}>{escape(one.text)}</{tag}>" if one.changed else escape(one.text) for one in line or ())
    return mark_safe("".join(parts))
