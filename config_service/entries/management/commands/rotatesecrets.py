"""Seal every secret anew under the newest key."""

from typing import Any

from django.core.management.base import CommandError

from config_service.entries.rotation import rotate
from config_service.origins import ProposingCommand
from config_service.refusals import REFUSALS, explain
from consensus import reads

ACTOR = "rotatesecrets"


class Command(ProposingCommand):
    help = "Seals every secret anew under the first key of SECRET_KEYS. Can be run again; history keeps its seals."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            reads.catch_up()
            rotation = rotate(ACTOR, self._progress)
        except REFUSALS as error:
            raise CommandError(explain(error)) from error
        self.stdout.write(
            f"{rotation.rotated} secrets are sealed with {rotation.key_id} now, {rotation.unchanged} were before"
        )
        for key_id, count in sorted(rotation.in_history.items()):
            self.stdout.write(f"history holds {count} seals of {key_id}: keep that key for as long as they matter")
        if rotation.changed_meanwhile:
            raise CommandError(f"{rotation.changed_meanwhile} were changed meanwhile: run it again")

    def _progress(self, done: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {total} secrets", ending="" if done < total else "\n")
            self.stderr.flush()
