"""Asking the nodes how they are, over HTTP. What does not answer is part of the answer."""

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from config_service.localgroup import credentials
from config_service.localgroup.layout import GroupLayout, NodeLayout
from config_service.localgroup.parts import parts_of

TIMEOUT_S = 2
UNKNOWN = {"role": "unknown", "term": 0, "commit": 0, "applied": 0, "state": "unknown"}


def is_ready(node: NodeLayout) -> bool:
    return not why_not_ready(node)


def why_not_ready(node: NodeLayout) -> str:
    """In the node's own words; "" where it is ready."""
    try:
        urllib.request.urlopen(f"{node.web_url}/readyz", timeout=TIMEOUT_S).close()
    except urllib.error.HTTPError as error:
        with error, suppress(ValueError, KeyError):
            return json.load(error)["detail"]
        return str(error)
    except OSError:
        return "it does not answer"
    return ""


def status(group: GroupLayout) -> dict:
    """``{"leader", "term", "nodes": {name: {"role", "term", "commit", "applied", "state", "parts": {...}}}}``."""
    nodes = list(group.nodes.values())
    token = (credentials.read(group) or {}).get("token", "")
    with ThreadPoolExecutor(len(nodes)) as pool:
        views = dict(zip(group.nodes, pool.map(lambda node: _view(node, token), nodes), strict=True))
    result: dict = {"leader": "", "term": 0, "nodes": {}}
    for node in nodes:
        known = _row(views, node.name)
        parts = {part.name: part.state() for part in parts_of(group, node)}
        result["nodes"][node.name] = {**known, "parts": parts}
    newest = max((view for view in views.values() if view), key=lambda view: view["term"], default=None)
    if newest:
        result["leader"], result["term"] = newest["leader"] or "", newest["term"]
    return result


def outside(group: GroupLayout) -> set[str]:
    """The nodes that are members no more (or not yet), by the word of one that hears from a leader."""
    token = (credentials.read(group) or {}).get("token", "")
    for node in group.nodes.values():
        view = _view(node, token) if token else None
        if view and view["leader"] and any(member["node"] == view["node"] for member in view["members"]):
            return set(group.nodes) - {member["node"] for member in view["members"]}
    return set()


def _view(node: NodeLayout, token: str) -> dict | None:
    request = urllib.request.Request(
        f"{node.web_url}/api/v1/group", headers={"Authorization": f"Bearer {token}", "Accept": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError):
        return None


def _row(views: dict[str, dict | None], name: str) -> dict:
    """What ``name`` says of itself, or else what those say of it who know the newest term; a node that was taken out
    knows what was true then, also of itself."""
    own = views[name]
    others = sorted((view for view in views.values() if view), key=lambda view: view["term"], reverse=True)
    for view in [own] if own else others[:1]:
        for member in view["members"]:
            if member["node"] == name:
                return {
                    "role": member["role"],
                    "term": member["term"],
                    "commit": member["commit_index"],
                    "applied": member["applied_index"],
                    "state": member["state"],
                }
    return dict(UNKNOWN)
