"""``manage.py config changeset``: propose, approve and publish several edits as one, from a terminal."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from config_service.commandline.rest import Rest, RestError
from config_service.commandline.values import read_json_file, read_value, shown

VERBS = {
    "create": "[FILE] [--put NS/KEY=VALUE]… [--delete NS/KEY]… --title TITLE",
    "list": "[--state STATE] [--namespace NS]",
    "show": "ID",
    "diff": "ID",
    "approve": "ID DIGEST",
    "schedule": "ID DIGEST --at TIME",
    "unschedule": "ID",
    "publish": "ID DIGEST",
    "withdraw": "ID",
}
_WITH_DIGEST = ("approve", "schedule", "publish")
# As many as no two change sets that somebody looks at will share by chance.
_LEAST_DIGEST = 8


def add_arguments(action: Callable[..., ArgumentParser]) -> None:
    made = action("changeset", "several edits that are approved and published as one", "verb", "what?", "digest?")
    made.epilog = "; ".join(f"{verb} {usage}" for verb, usage in VERBS.items()) + (
        ". DIGEST is the beginning of what diff has printed: what was looked at is what is done. FILE (- reads stdin) "
        "is JSON as the REST interface takes it"
    )
    made.add_argument("--title")
    made.add_argument("--comment")
    made.add_argument("--put", action="append", default=[], metavar="NS/KEY=VALUE", help="JSON, else a string")
    made.add_argument("--delete", action="append", default=[], metavar="NS/KEY")
    made.add_argument("--at", metavar="TIME", help="schedule: such as 2026-05-04T12:00:00Z")
    made.add_argument("--state", help="list: only these")
    made.add_argument("--namespace", help="list: only those that touch it")
    made.add_argument("--limit", type=int, default=50, help="list: at most so many")


def run(rest: Rest, options: dict[str, Any]) -> tuple[Any, str]:
    """Returns the answer of the service, and it as text."""
    verb = options["verb"]
    if verb not in VERBS:
        raise RestError(f"no such verb: {verb} (one of {', '.join(VERBS)})")
    if (options["digest"] is None) == (verb in _WITH_DIGEST):
        raise RestError(f"use: changeset {verb} {VERBS[verb]}")
    match verb:
        case "create":
            made = rest.request("POST", "changesets/", _new(options))
            return made, _told(made)
        case "list":
            if options["what"] is not None or options["limit"] < 1:
                raise RestError(f"use: changeset list {VERBS[verb]}")
            query = {"state": options["state"], "namespace": options["namespace"]}
            items = list(rest.pages("changesets/", query, options["limit"]))
            return items, "\n".join(map(_line, items))
    path = _path(options["what"], verb)
    match verb:
        case "show":
            found = rest.request("GET", path)
            return found, "\n".join([_line(found), *map(_edit_line, found["edits"])])
        case "diff":
            found = rest.request("GET", f"{path}/diff")
            return found, "\n".join(_diff_lines(found))
        case "withdraw":
            done = rest.request("DELETE", path)
            return done, _told(done)
    body: dict[str, Any] = {}
    if verb in _WITH_DIGEST:
        body["digest"] = _whole_digest(rest.request("GET", path)["digest"], options["digest"])
    if verb == "schedule":
        if options["at"] is None:
            raise RestError(f"use: changeset schedule {VERBS[verb]}")
        body["publish_at"] = options["at"]
    done = rest.request("POST", f"{path}/{verb}", body)
    return done, _told(done)


def _path(id: str | None, verb: str) -> str:
    if id is None or not (id.isascii() and id.isdigit()):
        raise RestError(f"use: changeset {verb} {VERBS[verb]}")
    return f"changesets/{id}"


def _whole_digest(standing: str, given: str) -> str:
    if len(given) < _LEAST_DIGEST:
        raise RestError(f"a digest is given with at least {_LEAST_DIGEST} digits")
    if not standing.startswith(given):
        raise RestError(f"the edits are not those of {given}: look at them again (changeset diff)")
    return standing


def _new(options: dict[str, Any]) -> dict[str, Any]:
    body = _file(options["what"]) if options["what"] is not None else {}
    for name in ("title", "comment"):
        if options[name] is not None:
            body[name] = options[name]
    edits = [_put(text) for text in options["put"]] + [_delete(text) for text in options["delete"]]
    if edits:
        body["edits"] = [*body.get("edits", []), *edits]
    return body


def _file(name: str) -> dict[str, Any]:
    found = read_json_file(name, f"{name} is")
    if not isinstance(found, dict) or not isinstance(found.get("edits", []), list):
        raise RestError(f"{name} does not hold an object with a list of edits")
    return found


def _put(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise RestError(f"--put takes NS/KEY=VALUE, not {text!r}")
    return {"op": "put", **_entry(name), "value": read_value(value)}


def _delete(text: str) -> dict[str, Any]:
    return {"op": "delete", **_entry(text)}


def _entry(name: str) -> dict[str, str]:
    namespace, slash, key = name.partition("/")
    if not slash:
        raise RestError(f"an entry is named NS/KEY, not {name!r}")
    return {"namespace": namespace, "key": key}


def _told(found: dict[str, Any]) -> str:
    about = f"change set {found['id']} is {found['state']}"
    match found["state"]:
        case "published":
            return f"{about}, at revision {found['published_revision']}"
        case "scheduled":
            return f"{about} for {found['publish_at']}, digest {found['digest']}"
    return f"{about}, digest {found['digest']}"


def _line(one: dict[str, Any]) -> str:
    approval = f"approved by {one['approval']['by']}" if one["approval"] else ""
    at = f"for {one['publish_at']}" if one["publish_at"] else ""
    about = [str(one["id"]), one["state"], one["author"], f"{one['edit_count']} edits", one["digest"], approval, at]
    return "\t".join([*about, one["title"], one["reason"].replace("\n", "; ")])


def _edit_line(edit: dict[str, Any]) -> str:
    value = "" if edit["op"] == "delete" else f"\t{shown(edit)}"
    return f"{edit['op']} {edit['namespace']}/{edit['key']}{value}"


def _diff_lines(found: dict[str, Any]) -> list[str]:
    lines = []
    for item in found["items"]:
        edit, name = item["edit"], f"{item['edit']['namespace']}/{item['edit']['key']}"
        if item["now"] is not None:
            lines.append(f"- {name}\t{shown(item['now'])}")
        if edit["op"] == "put":
            lines.append(f"+ {name}\t{shown(edit)}")
        lines += [f"! {text}" for text in item["violations"] or ([item["problem"]] if item["problem"] else [])]
    lines += [f"! {name} needs the approval of a second person" for name in found["awaiting_approval"]]
    change_set = found["change_set"]
    ready = "can be published" if found["publishable"] else "cannot be published now"
    return [*lines, f"change set {change_set['id']}, {change_set['state']}: {ready}", f"digest {change_set['digest']}"]
