"""Times in pages: one form, in UTC, that programs can read too."""

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config_service.texts import show_time

register = template.Library()


@register.filter
def moment(at: str) -> SafeString:
    return format_html('<time datetime="{}">{}</time>', at, show_time(at))
