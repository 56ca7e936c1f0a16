"""How to sign in to a local group: made once, kept in ``credentials.json``."""

import json
import secrets

from config_service.localgroup.layout import GroupLayout, write_private


def ensure(group: GroupLayout) -> dict:
    """The group's credentials, made if there are none, with the nodes' present addresses."""
    made = read(group) or {
        "user": "admin",
        "password": secrets.token_urlsafe(9),
        "token": f"cfg_{secrets.token_urlsafe(32)}",
    }
    made["nodes"] = {node.name: node.web_url for node in group.nodes.values()}
    write_private(group.credentials_file, json.dumps(made, indent=2) + "\n")
    return made


def read(group: GroupLayout) -> dict | None:
    if not group.credentials_file.exists():
        return None
    return json.loads(group.credentials_file.read_text())
