"""``manage.py group``: look at the group and operate it, over REST, through any node."""

import json
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.management.base import BaseCommand, CommandError

from config_service.commandline import snapshots
from config_service.commandline.rest import Rest, RestError, add_connection, connect
from consensus.backup import BackupHeader

POLL_S = 0.2


class Command(BaseCommand):
    help = (
        "Look at the group and operate it: status, drain, undrain, transfer, add, remove, rebuild, snapshot, restore."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)

        def action(name: str, help: str) -> ArgumentParser:
            made = actions.add_parser(name, help=help)
            add_connection(made)
            made.add_argument("--json", action="store_true", help="print the group as JSON")
            return made

        action("status", "show the nodes")
        for name, help in (
            ("drain", "take a node out of service"),
            ("undrain", "put it back"),
            ("remove", "take a node out of the group, for good"),
            ("rebuild", "replace a node's tables by an image of the leader's"),
        ):
            action(name, help).add_argument("node")
        snapshot = action("snapshot", "write all replicated data to a file")
        snapshot.add_argument("file", type=Path)
        snapshot.add_argument("--stale", action="store_true", help="what the node has, also without a majority")
        restore = action("restore", "replace ALL data of a new group of one node by a snapshot")
        restore.add_argument("file", type=Path)
        restore.add_argument("--confirm", metavar="GROUP", help="the id of the group whose data is to be replaced")
        restore.add_argument("--above", type=int, help="the highest revision that anybody may have seen")
        action("transfer", "move leadership").add_argument("to", nargs="?", help="who is to lead (default: the best)")
        add = action("add", "take a node in that has been started and asks to join")
        add.add_argument("node")
        add.add_argument("--learner", action="store_true", help="it gets everything, but never counts")
        add.add_argument("--wait-s", type=float, default=120.0, help="how long to wait until it has caught up")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            match options["action"]:
                case "snapshot":
                    self._snapshot(connect(options), options)
                case "restore":
                    self._restore(connect(options), options)
                case _:
                    self._print(self._act(connect(options), options), options["json"])
        except RestError as error:
            raise CommandError(str(error)) from None

    def _act(self, rest: Rest, options: dict[str, Any]) -> dict[str, Any]:
        match options["action"]:
            case "status":
                return rest.request("GET", "group")
            case "drain" | "undrain" as action:
                return rest.request("POST", f"{_path(options['node'])}/{action}", {})
            case "transfer":
                return rest.request("POST", "group/transfer-leadership", {"to": options["to"]} if options["to"] else {})
            case "remove":
                return rest.request("DELETE", _path(options["node"]))
            case "rebuild":
                return self._rebuild(rest, options["node"], quiet=options["json"])
        return self._add(rest, options["node"], options["learner"], options["wait_s"], quiet=options["json"])

    def _snapshot(self, rest: Rest, options: dict[str, Any]) -> None:
        file = options["file"]
        consistency = "stale" if options["stale"] else "linearizable"
        header = snapshots.save(rest, file, consistency, self._progress(options, "written"))
        told = {"file": str(file), "group": header.group, "revision": header.index, "size": file.stat().st_size}
        told["switches"] = None if header.registers is None else len(header.registers)
        self._say(options, told, f"{file}: group {header.group} at revision {header.index}, {_switches(header)}")

    def _restore(self, rest: Rest, options: dict[str, Any]) -> None:
        file = options["file"]
        header = snapshots.inspect(file)
        above = snapshots.safe_index(header) if options["above"] is None else options["above"]
        group = rest.request("GET", "group")["group"]
        if options["confirm"] != group:
            raise RestError(
                f"this replaces everything in the group {group}, its users and tokens too, by {header.group} as it was "
                f"at revision {header.index}, {header.at}; if that is what you want: --confirm {group}"
            )
        begins = snapshots.restore(rest, file, group, above, self._progress(options, "sent"))
        told = {"group": group, "restored": header.index, "revision": begins, "switches": len(header.registers or ())}
        self._say(
            options,
            told,
            f"{group} is {header.group} as it was at revision {header.index}, {_switches(header)}; its revisions go on "
            f"above {begins}. Users, passwords and tokens are those of then; secrets open with the SECRET_KEYS of then",
        )

    def _say(self, options: dict[str, Any], told: dict[str, Any], line: str) -> None:
        self.stdout.write(json.dumps(told) if options["json"] else line)

    def _progress(self, options: dict[str, Any], what: str) -> Callable[[int, int], None]:
        """Says how far it is, each time that a tenth more is done."""
        said = 0

        def say(done: int, size: int) -> None:
            nonlocal said
            tenth = 10 * done // max(1, size)
            if tenth > said and not options["json"]:
                said = tenth
                self.stderr.write(f"{tenth}0 % {what}")

        return say

    def _add(self, rest: Rest, node: str, learner: bool, wait_s: float, quiet: bool) -> dict[str, Any]:
        """Wait until it has caught up, and say how far it is."""
        group = rest.request("POST", "group/nodes", {"node": node, "learner": learner})
        deadline, said = time.monotonic() + wait_s, ""
        while True:
            member = next((one for one in group["members"] if one["node"] == node), None)
            if (
                member is not None
                and group["membership_settled"]
                and member["voter"] != learner
                and member["lag"] < 100
            ):
                return group
            if time.monotonic() > deadline:
                raise RestError(f"{node} is a member, but has not caught up in {wait_s:g} s; it goes on trying")
            text = _progress(node, member)
            if not quiet and text != said:
                self.stderr.write(text)
                said = text
            time.sleep(POLL_S)
            group = rest.request("GET", "group")

    def _rebuild(self, rest: Rest, node: str, quiet: bool) -> dict[str, Any]:
        """Asked of the node itself, which says when it is done."""
        group = rest.request("GET", "group")
        member = next((one for one in group["members"] if one["node"] == node), None)
        if member is None:
            raise RestError(f"there is no node {node} in this group")
        own = rest.at(member["address"]) if member["address"] else rest
        group = own.request("POST", f"{_path(node)}/rebuild", {})
        if not quiet:
            self.stderr.write(f"{node}: has begun; it does not serve until it is done (manage.py group status)")
        return group

    def _print(self, group: dict[str, Any], as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(group))
            return
        self.stdout.write(
            f"group {group['group']}: leader {group['leader'] or 'none'}, term {group['term']}, majority "
            f"{group['quorum_size']}, can survive {group['failures_survivable']} more failures"
        )
        if group["group_id"]:
            self.stdout.write(f"  founded as {group['group_id']}")
        if group["waits_for"]:
            self.stdout.write(f"  there is no group yet: {group['waits_for']}")
        if group["disputed_index"]:
            self.stdout.write(f"  the tables differ at {group['disputed_index']}, and no majority agrees")
        for member in group["members"]:
            kind = member["role"] if member["voter"] else "learner"
            halted = f", has stopped applying: {member['halted']}" if member["halted"] else ""
            away = "" if member["reachable"] else ", does not answer"
            self.stdout.write(f"  {member['node']}: {kind}, {member['state']}, lag {member['lag']}{away}{halted}")
        for one in group["joining"]:
            self.stdout.write(f"  {one['node']}: asks to join")


def _switches(header: BackupHeader) -> str:
    return "switches unknown" if header.registers is None else f"{len(header.registers)} switches"


def _path(node: str) -> str:
    return f"group/nodes/{quote(node, safe='')}"


def _progress(node: str, member: dict[str, Any] | None) -> str:
    if member is None:
        return f"{node}: waiting for the group"
    if member["image"]:
        taken, size = member["image"]["taken"], max(1, member["image"]["size"])
        return f"{node}: has {100 * taken // size} % of the image of the tables"
    return f"{node}: {member['lag']} log entries behind"
