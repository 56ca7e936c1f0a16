"""``manage.py config switch``: switches, from a terminal. They can be flipped while there is no leader."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from config_service.commandline.rest import Rest, RestError
from config_service.commandline.values import json_line, or_input, plain, read_value

VERBS = ("list", "get", "set", "delete", "history")


def add_arguments(action: Callable[..., ArgumentParser]) -> None:
    switch = action("switch", "small values that any majority can change, without a leader", "verb", "name?", "value?")
    switch.epilog = (
        "verbs: list, get NAME, set NAME VALUE (JSON, else a string; on and off mean true and false; - reads stdin), "
        "delete NAME, history NAME"
    )
    switch.add_argument("--comment", help="set: why")
    switch.add_argument("--expect", type=int, metavar="VERSION", help="set, delete: only if this is the version now")
    switch.add_argument("--create", action="store_true", help="set: only if there is no such switch")
    switch.add_argument("--stale", action="store_true", help="list, get: as far as the node knows, asking nobody")


def run(rest: Rest, options: dict[str, Any]) -> tuple[Any, str]:
    """Returns the answer of the service, and it as text."""
    verb, name, value = options["verb"], options["name"], options["value"]
    if verb not in VERBS:
        raise RestError(f"no such verb: {verb} (one of {', '.join(VERBS)})")
    if (name is None) != (verb == "list"):
        raise RestError(f"switch {verb} takes {'no name' if verb == 'list' else 'a name'}")
    if (value is None) != (verb != "set"):
        raise RestError(f"switch {verb} takes {'a value' if verb == 'set' else 'no value'}")
    path = f"switches/{quote(name or '', safe='')}"
    fresh = {"consistency": "stale" if options["stale"] else None}
    expect = {} if options["expect"] is None else {"If-Match": f'"{options["expect"]}"'}
    match verb:
        case "list":
            items = list(rest.pages("switches/", fresh))
            return items, "\n".join(f"{item['name']}\t{json_line(item['value'])}\t{_who(item)}" for item in items)
        case "get":
            found = rest.request("GET", path, query=fresh)
            return found, plain(found["value"])
        case "set":
            body = {"value": _value(value)} | ({} if options["comment"] is None else {"comment": options["comment"]})
            headers = {"If-None-Match": "*"} if options["create"] else {}
            written = rest.request("PUT", path, body, **headers, **expect)
            return written, f"{name} is {json_line(written['value'])} at version {written['version']}"
        case "delete":
            rest.request("DELETE", path, **expect)
            return {"name": name, "deleted": True}, f"{name} is deleted"
    found = rest.request("GET", f"{path}/history")["items"]
    return found, "\n".join(map(_flip_line, found))


def _value(text: str) -> Any:
    text = or_input(text)
    return text == "on" if text in ("on", "off") else read_value(text)


def _who(item: dict[str, Any]) -> str:
    return f"version {item['version']} by {item['updated_by']} at {item['updated_at']}"


def _flip_line(item: dict[str, Any]) -> str:
    span = str(item["version"])
    if item["first_version"] != item["version"]:
        span = f"{item['first_version']}-{item['version']}"
    value = "deleted" if item["operation"] == "delete" else json_line(item["value"])
    return "\t".join([span, item["time"], item["actor"], value, item["comment"]])
