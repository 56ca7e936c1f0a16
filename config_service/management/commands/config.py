"""``manage.py config``: read and change configuration from a terminal, over REST, through any node."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config_service.commandline import change_sets, files, schemas, switches
from config_service.commandline.rest import RestError, add_connection, connect, entry_path, namespace_path
from config_service.commandline.values import json_line, or_input, plain, read_value, shown


class Command(BaseCommand):
    help = "Read and change configuration over REST. The token comes from CONFIG_TOKEN or --token-file."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)

        def action(name: str, help: str, *positional: str) -> CommandParser:
            made = actions.add_parser(name, help=help)
            for argument in positional:
                made.add_argument(argument.strip("?"), nargs="?" if argument.endswith("?") else None)
            made.add_argument("--json", action="store_true", help="print the answer of the service")
            add_connection(made)
            return made

        get = action("get", "print one value", "namespace", "key")
        _add_past(get)
        put = action("set", "write one value: JSON, else a string; - reads stdin", "namespace", "key", "value")
        put.add_argument("--type", help="string and secret take the value as it is")
        put.add_argument("--ttl-s", type=int, help="delete it after so many seconds")
        delete = action("delete", "delete one entry", "namespace", "key")
        listing = action("list", "list namespaces, or the entries of one", "namespace?")
        listing.add_argument("--prefix")
        _add_past(listing)
        history = action("history", "changes, newest first", "namespace", "key?")
        history.add_argument("--limit", type=int, default=20)
        rollback = action("rollback", "bring an entry, or all of a namespace, back", "namespace", "key?")
        rollback.add_argument("--to", type=int, required=True, metavar="REVISION")
        diff = action("diff", "what is different since a revision", "namespace")
        diff.add_argument("from_revision", type=int)
        diff.add_argument("to_revision", type=int, nargs="?")
        one = diff.add_mutually_exclusive_group()
        one.add_argument("--key")
        one.add_argument("--prefix")
        files.add_arguments(action)
        schemas.add_arguments(action)
        change_sets.add_arguments(action)
        switches.add_arguments(action)
        for made in (put, rollback):
            made.add_argument("--comment")
        expect = "only if the entry is at this revision; of a namespace: if nothing of it has changed since"
        for made in (put, delete, rollback):
            made.add_argument("--expect", type=int, metavar="REVISION", help=expect)
        put.add_argument("--create", action="store_true", help="only if there is no such entry")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._rest = connect(options)
            getattr(self, f"_{options['action']}")(options)
        except RestError as error:
            raise CommandError(str(error)) from error

    def _get(self, options: dict[str, Any]) -> None:
        entry = self._rest.request("GET", entry_path(options["namespace"], options["key"]), query=_past(options))
        if entry.get("masked") and not options["json"]:
            raise CommandError(f"{entry['namespace']}/{entry['key']} is a secret, which is not shown here")
        self._tell(options, entry, plain(entry["value"]))

    def _set(self, options: dict[str, Any]) -> None:
        body = {"value": read_value(or_input(options["value"]), options["type"])}
        body |= {name: options[name] for name in ("type", "comment", "ttl_s") if options[name] is not None}
        headers = {"If-None-Match": "*"} if options["create"] else {}
        path = entry_path(options["namespace"], options["key"])
        entry = self._rest.request("PUT", path, body, **headers, **_expect(options))
        self._tell(options, entry, f"{entry['namespace']}/{entry['key']} is at revision {entry['revision']}")

    def _delete(self, options: dict[str, Any]) -> None:
        self._rest.request("DELETE", entry_path(options["namespace"], options["key"]), **_expect(options))
        told = {"namespace": options["namespace"], "key": options["key"], "deleted": True}
        self._tell(options, told, f"{told['namespace']}/{told['key']} is deleted")

    def _list(self, options: dict[str, Any]) -> None:
        if options["namespace"] is None:
            if any(options[name] is not None for name in ("prefix", "revision", "at")):
                raise CommandError("--prefix, --revision and --at need a namespace")
            items = self._rest.request("GET", "namespaces/")["items"]
            lines = [f"{item['name']}\t{item['entries']} entries\t{item['description']}" for item in items]
        else:
            query = _past(options) | {"prefix": options["prefix"]}
            items = list(self._rest.pages(f"{namespace_path(options['namespace'])}/entries/", query))
            lines = [f"{item['key']}\t{shown(item)}" for item in items]
        self._tell(options, items, "\n".join(lines))

    def _history(self, options: dict[str, Any]) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit must be at least 1")
        namespace, key = options["namespace"], options["key"]
        path = entry_path(namespace, key, "/history") if key else f"{namespace_path(namespace)}/history"
        items = list(self._rest.pages(path, {}, options["limit"]))
        self._tell(options, items, "\n".join(map(_change_line, items)))

    def _rollback(self, options: dict[str, Any]) -> None:
        body = {"revision": options["to"]}
        if options["comment"] is not None:
            body["comment"] = options["comment"]
        if options["key"]:
            path = entry_path(options["namespace"], options["key"], "/rollback")
            entry = self._rest.request("POST", path, body, **_expect(options))
            self._tell(options, entry, f"{entry['key']} is {shown(entry)} at revision {entry['revision']}")
            return
        path = f"{namespace_path(options['namespace'])}/rollback"
        done = self._rest.request("POST", path, body, **_expect(options))
        self._tell(options, done, f"entries changed: {done['changed']}, at revision {done['revision']}")

    def _diff(self, options: dict[str, Any]) -> None:
        query = {"from": options["from_revision"], "to": options["to_revision"]}
        query |= {"key": options["key"], "prefix": options["prefix"]}
        items = list(self._rest.pages(f"{namespace_path(options['namespace'])}/diff", query))
        self._tell(options, items, "\n".join(line for item in items for line in _difference_lines(item)))

    def _export(self, options: dict[str, Any]) -> None:
        told, text = files.export(self._rest, options)
        self._tell(options, told, text.removesuffix("\n"))

    def _import(self, options: dict[str, Any]) -> None:
        done = files.import_file(self._rest, options, files.Bar(self.stderr))
        lines = [line for item in done.get("items", []) for line in _difference_lines(item)]
        self._tell(options, done, "\n".join([*lines, files.summary(done)]))

    def _schema(self, options: dict[str, Any]) -> None:
        self._tell(options, *schemas.run(self._rest, options))

    def _changeset(self, options: dict[str, Any]) -> None:
        self._tell(options, *change_sets.run(self._rest, options))

    def _switch(self, options: dict[str, Any]) -> None:
        self._tell(options, *switches.run(self._rest, options))

    def _tell(self, options: dict[str, Any], answer: Any, text: str) -> None:
        told = json_line(answer) if options["json"] else text
        if told:
            self.stdout.write(told)


def _add_past(parser: CommandParser) -> None:
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--revision", type=int, help="as it was at this revision")
    when.add_argument("--at", help="as it was at this time, such as 2026-05-04T12:00:00Z")


def _past(options: dict[str, Any]) -> dict[str, Any]:
    return {"revision": options["revision"], "at": options["at"]}


def _expect(options: dict[str, Any]) -> dict[str, str]:
    return {} if options["expect"] is None else {"If-Match": f'"{options["expect"]}"'}


def _change_line(item: dict[str, Any]) -> str:
    value = shown(item) if item["operation"] == "put" else "deleted"
    return "\t".join([str(item["revision"]), item["time"], item["actor"], item["key"], value, item["comment"]])


def _difference_lines(item: dict[str, Any]) -> list[str]:
    sides = (("-", item["old"]), ("+", item["new"]))
    return [f"{sign} {item['key']}\t{shown(entry)}" for sign, entry in sides if entry is not None]
