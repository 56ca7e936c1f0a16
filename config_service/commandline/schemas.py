"""``manage.py config schema``: the rules of a namespace, from a terminal."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from config_service.commandline.rest import Rest, RestError, namespace_path
from config_service.commandline.values import read_json_file

VERBS = ("get", "set", "check", "delete", "history")


def add_arguments(action: Callable[..., ArgumentParser]) -> None:
    schema = action("schema", "the rules that values of a namespace have to keep", "verb", "namespace", "file?")
    schema.epilog = "verbs: get, set FILE, check FILE (- reads stdin: a JSON list of {keys, schema}), delete, history"
    schema.add_argument("--version", type=int, help="get: this version")
    schema.add_argument("--force", action="store_true", help="set: although values that are there would break them")
    schema.add_argument("--comment")
    schema.add_argument("--expect", type=int, metavar="VERSION", help="set, delete: only if this is the version now")


def run(rest: Rest, options: dict[str, Any]) -> tuple[Any, str]:
    """Returns the answer of the service, and it as text."""
    verb, path = options["verb"], f"{namespace_path(options['namespace'])}/schema"
    if verb not in VERBS:
        raise RestError(f"no such verb: {verb} (one of {', '.join(VERBS)})")
    if (options["file"] is not None) != (verb in ("set", "check")):
        raise RestError(f"schema {verb} takes {'a file, or - for stdin' if verb in ('set', 'check') else 'no file'}")
    expect = {} if options["expect"] is None else {"If-Match": f'"{options["expect"]}"'}
    match verb:
        case "get":
            found = rest.request("GET", path, query={"version": options["version"]})
            return found, json.dumps(found["rules"], ensure_ascii=False, indent=2)
        case "check":
            verdict = rest.request("PUT", path, {"rules": _rules(options["file"])}, {"dry_run": "true"})
            return verdict, _verdict(verdict)
        case "set":
            body = {"rules": _rules(options["file"]), "force": options["force"]}
            body |= {"comment": options["comment"]} if options["comment"] is not None else {}
            written = _set(rest, path, body, expect)
            return written, f"{written['namespace']} has schema version {written['version']}"
        case "delete":
            rest.request("DELETE", path, **expect)
            return {
                "namespace": options["namespace"],
                "deleted": True,
            }, f"{options['namespace']} has no schema any more"
    items = list(rest.pages(f"{path}/history", {}))
    return items, "\n".join(map(_version_line, items))


def _set(rest: Rest, path: str, body: dict[str, Any], expect: dict[str, str]) -> Any:
    try:
        return rest.request("PUT", path, body, **expect)
    except RestError as error:
        if "violations" not in error.problem:
            raise
        told = "; ".join(map(_violation, error.problem["violations"][:5]))
        raise RestError(f"{error}: {told}. Use --force to set them all the same", error.problem) from None


def _rules(file: str) -> Any:
    return read_json_file(file, "the rules are")


def _verdict(verdict: dict[str, Any]) -> str:
    lines = [f"{verdict['count']} of {verdict['checked']} values would break them"]
    return "\n".join([*lines, *map(_violation, verdict["violations"])])


def _violation(one: dict[str, Any]) -> str:
    return f"{one['key']}{' ' + one['path'] if one['path'] else ''}: {one['reason']}"


def _version_line(one: dict[str, Any]) -> str:
    rules = "taken away" if one["rules"] is None else f"{len(one['rules'])} rules"
    forced = "forced" if one["forced"] else ""
    when = (str(one["version"]), str(one["revision"]), one["updated_at"], one["updated_by"])
    return "\t".join([*when, rules, forced, one["comment"]])
