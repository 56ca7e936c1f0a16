"""The ways through the admin, by what people do; each person sees those that lead somewhere for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Item:
    label: str
    icon: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    items: tuple[Item, ...]


# Section, then model, label and icon of each way. A registered model that is not here comes under "More".
PLACES: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        "Configuration",
        (
            ("entries.ConfigEntry", "Entries", "entries"),
            ("entries.Namespace", "Namespaces", "namespaces"),
            ("changesets.ChangeSet", "Change sets", "changes"),
        ),
    ),
    (
        "Operation",
        (
            ("switches.SwitchChange", "Switches", "switches"),
            ("consensus.Member", "Nodes", "nodes"),
            ("audit.AuditRecord", "Audit trail", "audit"),
        ),
    ),
    (
        "Access",
        (
            ("accounts.User", "Users", "users"),
            ("auth.Group", "Groups", "groups"),
            ("accounts.Grant", "Permissions", "grants"),
            ("accounts.ApiToken", "API tokens", "tokens"),
        ),
    ),
)


def navigation(apps: Iterable[dict[str, Any]], path: str) -> list[Section]:
    """The sections for a person who sees ``apps`` (Django's list of what they may see) and is at ``path``."""
    urls = {
        model["model"]._meta.label: (model["admin_url"], str(model["name"]))
        for app in apps
        for model in app["models"]
        if model["admin_url"]
    }
    sections = [Section("", (_item("Home", "home", reverse("admin:index"), path, exactly=True),))]
    for title, places in PLACES:
        items = [_item(label, icon, urls.pop(name)[0], path) for name, label, icon in places if name in urls]
        sections.append(Section(title, tuple(items)))
    more = [_item(label.capitalize(), "more", url, path) for url, label in urls.values()]
    more.append(_item("API docs", "docs", reverse("docs"), path))
    sections.append(Section("More", tuple(more)))
    return [section for section in sections if section.items]


def _item(label: str, icon: str, url: str, path: str, exactly: bool = False) -> Item:
    return Item(label, icon, url, path == url if exactly else path.startswith(url))
