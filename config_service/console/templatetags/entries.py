"""Entries and namespaces as they stand in lists. Django's own rows took half of the time of the list of entries."""

from collections.abc import Iterable
from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_list import result_headers
from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from config_service.console.editing.timeline import ago, shorten
from config_service.differences.documents import HIDDEN
from config_service.entries.models import ConfigEntry, Namespace
from config_service.entries.snapshots import SECRET, time_text

register = template.Library()

PROTECTED = mark_safe(' <span class="badge badge-warn">protected</span>')
BY_APPROVAL = mark_safe(' <span class="badge badge-info">by approval</span>')
LONGEST = 80


@register.simple_tag
def namespace_mark(namespace: Namespace | None) -> SafeString:
    """Its colour as a dot beside its name, and what there is to mind."""
    if namespace is None:
        return mark_safe("")
    return format_html(
        '<span class="mark mark-{}">{}</span>{}{}',
        namespace.colour or "none",
        namespace.name,
        PROTECTED if namespace.protected else "",
        BY_APPROVAL if namespace.requires_approval else "",
    )


@register.inclusion_tag("admin/entries/parts/entry_list.html")
def entry_list(cl: Any) -> dict[str, Any]:
    """The rows of the list of entries; ``cl`` is Django's change list."""
    return {"cl": cl, "headers": list(result_headers(cl)), "rows": _rows(list(cl.result_list))}


def _rows(entries: Iterable[ConfigEntry]) -> SafeString:
    pattern = reverse("admin:entries_configentry_change", args=[0])
    marks: dict[str, SafeString] = {}
    for entry in entries:
        if entry.namespace_id not in marks:
            marks[entry.namespace_id] = namespace_mark(entry.namespace)
    return format_html_join(
        "\n",
        '<tr><td class="action-checkbox"><input type="checkbox" name="_selected_action" value="{}" '
        'class="action-select" aria-label="Select {}"></td>'
        '<th class="field-name"><a href="{}">{}</a></th><td class="field-where">{}</td>'
        '<td class="field-short_value"><code>{}</code></td><td class="field-kind"><span class="badge">{}</span></td>'
        '<td class="field-changed"><span title="{}, revision {}">{} by {}</span></td></tr>',
        (
            (
                entry.pk,
                entry.key,
                pattern.replace("/0/", f"/{entry.pk}/"),
                _breakable(entry.key),
                marks[entry.namespace_id],
                HIDDEN if entry.type == SECRET else shorten(entry.value, LONGEST),
                entry.type,
                time_text(entry.updated_at),
                entry.revision,
                ago(entry.updated_at),
                entry.updated_by,
            )
            for entry in entries
        ),
    )


def _breakable(key: str) -> SafeString:
    """A long key may go on in the next line after a slash."""
    return mark_safe(escape(key).replace("/", "/<wbr>"))
