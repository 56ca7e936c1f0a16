"""``manage.py localgroup``: a whole group on this machine (see `config_service.localgroup`)."""

import json
import shlex
import signal
import time
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config_service.localgroup import group as groups
from config_service.localgroup import layout, processes
from config_service.localgroup.console import Progress, print_ready, print_status
from config_service.localgroup.layout import GroupLayout, LocalGroupError
from config_service.localgroup.parts import PARTS, Part, node_settings, parts_of
from config_service.localgroup.status import status

NODE_ACTIONS = ("kill", "stop", "start", "pause", "resume")


class Command(BaseCommand):
    help = "Run a group of nodes on this machine, each with its own Postgres, Redis, worker and web server."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)

        def action(name: str, help: str) -> CommandParser:
            made = actions.add_parser(name, help=help)
            made.add_argument("--dir", default=".cluster", type=Path, help="the group's folder (default: .cluster)")
            return made

        up = action("up", "start the group; stops it at Ctrl-C unless --detach")
        up.add_argument("--nodes", type=int, default=3)
        up.add_argument("--port", type=int, default=8001, help="node i serves 127.0.0.1:(port+i-1)")
        up.add_argument("--detach", action="store_true", help="return when the group is ready, and leave it running")
        action("down", "stop the group")
        action("status", "show the nodes").add_argument("--json", action="store_true")
        action("add", "start one more node; it asks to join (then: manage.py group add NODE)").add_argument("node")
        action("env", "print the settings of one node, for a shell of your own").add_argument("node")
        for name in NODE_ACTIONS:
            made = action(name, f"{name} a node, or one part of it")
            made.add_argument("node")
            made.add_argument("--part", choices=(*PARTS, "all"), default="all")

    def handle(self, *args, **options) -> None:
        folder = options["dir"].resolve()
        try:
            match options["action"]:
                case "up":
                    self._up(folder, options["nodes"], options["port"], options["detach"])
                case "down":
                    with groups.only_one(folder):
                        groups.down(layout.require(folder))
                case "status":
                    self._status(layout.require(folder), options["json"])
                case "add":
                    self._add(layout.require(folder), options["node"])
                case "env":
                    self._env(layout.require(folder), options["node"])
                case action:
                    self._act(layout.require(folder), action, options["node"], options["part"])
        except LocalGroupError as error:
            raise CommandError(str(error)) from None

    def _up(self, folder: Path, count: int, port: int, detach: bool) -> None:
        started = time.monotonic()
        interrupted = _Interrupted()
        with groups.only_one(folder):
            group = groups.open_or_create(folder, count, port)
            try:
                groups.up(group, Progress())
            except (LocalGroupError, KeyboardInterrupt):
                groups.down(group)
                raise
            print_ready(group, time.monotonic() - started)
        if not detach:
            self.stdout.write("Ctrl-C stops the group; its data stays.")
            self._watch(group, interrupted)

    def _watch(self, group: GroupLayout, interrupted: "_Interrupted") -> None:
        """Until Ctrl-C, say what dies; then stop everything. Nothing is restarted: people come here to break things."""
        try:
            self._report_changes(group)
        except KeyboardInterrupt:
            self.stdout.write("\nstopping (Ctrl-C again to kill)")
        finally:
            try:
                groups.down(group)
            except KeyboardInterrupt:
                interrupted.ignore()
                groups.kill_all(group)
        self.stdout.write("stopped")

    def _report_changes(self, group: GroupLayout) -> None:
        states = {part: part.state() for node in group.nodes.values() for part in parts_of(group, node)}
        while True:
            for part, before in states.items():
                now = states[part] = part.state()
                if now != before:
                    self.stdout.write(f"{part.label} is {now}")
            time.sleep(0.5)

    def _status(self, group: GroupLayout, as_json: bool) -> None:
        now = status(group)
        if as_json:
            self.stdout.write(json.dumps(now))
        else:
            print_status(group, now)

    def _add(self, group: GroupLayout, name: str) -> None:
        with groups.only_one(group.folder):
            node = groups.add_node(group, name, Progress())
        self.stdout.write(f"{name} runs at {node.web_url} and asks to join: manage.py group add {name}")

    def _env(self, group: GroupLayout, name: str) -> None:
        for key, value in node_settings(group, group.node(name)).items():
            self.stdout.write(f"export {key}={shlex.quote(value)}")

    def _act(self, group: GroupLayout, action: str, name: str, part_name: str) -> None:
        node = group.node(name)
        chosen = [Part(group, node, part) for part in PARTS if part_name in (part, "all")]
        if action in ("stop", "kill"):
            chosen.reverse()
        for part in chosen:
            if action in ("pause", "resume") and part.state() == processes.DOWN:
                raise LocalGroupError(f"{part.label} is not running")
            getattr(part, action)()
            if action == "start":
                part.wait()


class _Interrupted:
    """SIGTERM and SIGHUP stop the group as Ctrl-C does."""

    def __init__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupt)

    def _interrupt(self, number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def ignore(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
