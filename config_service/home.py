"""What the admin's first page tells, as data: the page shows it, and asks for it again every other second."""

from dataclasses import asdict
from typing import Any

from django.urls import reverse

from config_service.accounts import policy
from config_service.accounts.models import User
from config_service.attention import attention
from config_service.banner import group_banner
from config_service.entries import history
from config_service.entries.models import ConfigEntry
from config_service.entries.snapshots import ChangeSnapshot
from consensus import services
from consensus.forecast import strength
from consensus.group_view import GroupView, NodeView
from consensus.health import health
from consensus.series import Point

CHANGES_SHOWN = 8


def home(user: User, after: float = 0.0) -> dict[str, Any]:
    """For ``user``, who is told of what they may see. The numbers are those later than the Unix time ``after``."""
    view = services.group_view()
    now_strong = strength(view)
    return {
        "node": view.node,
        "health": asdict(health(view)),
        "banner": asdict(group_banner()),
        "group": {
            "leader": view.leader,
            "led_ms": view.led_ms,
            "term": view.term,
            "revision": view.applied_index,
            "voters": len(now_strong.voters),
            "answering": len(now_strong.answering),
            "quorum_size": now_strong.quorum_size,
            "spare": now_strong.spare if view.connected else -1,
            "stale_ms": None if view.connected else view.leader_heard_ms,
        },
        "nodes": [_node(member, view) for member in view.members],
        "concerns": attention(user, view),
        "changes": _changes(user),
        "series": [_point(point) for point in services.series(after)],
    }


def _node(member: NodeView, view: GroupView) -> dict[str, Any]:
    return {
        "node": member.node,
        "here": member.node == view.node,
        "role": member.role,
        "voter": member.voter,
        "lag": member.lag,
        "level": member.level,
        "heard_ms": member.heard_ms,
        "reachable": member.reachable,
        "state": member.state,
        "halted": member.halted,
        "admin": f"{member.web_url}{reverse('admin:index')}" if member.web_url else "",
        "watchers": member.load.watchers if member.load else None,
        "image": member.image,
    }


def _point(point: Point) -> dict[str, Any]:
    return {name: getattr(point, name) for name in Point.__struct_fields__}


def _changes(user: User) -> list[dict[str, Any]]:
    """The latest, in namespaces that the user may look into."""
    found = history.latest(CHANGES_SHOWN, policy.namespaces(user, "entries.view_configentry"))
    pages = {(namespace, key): pk for pk, namespace, key in _entries_of(found)}
    return [_change(change, pages.get((change.namespace, change.key))) for change in found]


def _entries_of(found: list[ChangeSnapshot]) -> Any:
    rows = ConfigEntry.objects.filter(
        namespace_id__in={change.namespace for change in found}, key__in={change.key for change in found}
    )
    return rows.values_list("pk", "namespace_id", "key")


def _change(change: ChangeSnapshot, pk: Any) -> dict[str, Any]:
    what = "deleted" if change.operation == "delete" else "added" if change.version == 1 else "changed"
    return {
        "namespace": change.namespace,
        "key": change.key,
        "what": what,
        "actor": change.actor,
        "at": change.at,
        "revision": change.revision,
        "comment": change.comment,
        "url": reverse("admin:entries_configentry_change", args=[pk]) if pk else "",
    }
