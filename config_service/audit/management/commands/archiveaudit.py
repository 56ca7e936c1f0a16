"""Move old records of the audit trail into a file, and have the group forget them."""

import json
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from config_service.audit import archive
from config_service.audit.selectors import last_before
from config_service.origins import ProposingCommand
from config_service.refusals import REFUSALS, explain
from consensus import reads

ACTOR = "archiveaudit"


class Command(ProposingCommand):
    help = (
        "Writes the records of the audit trail up to a revision, or older than some days, into a new file, checks the "
        "file, and then has the group forget them on every node. The chain goes on where the file ends: `verifyaudit` "
        "checks what is kept, `verifyaudit --archive FILE` the file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a new file; put it where it is kept for as long as it must be")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--until", type=int, metavar="REVISION", help="the last one that goes")
        what.add_argument("--older-than-days", type=float, metavar="DAYS", help="by the times in the records")
        parser.add_argument("--keep", action="store_true", help="only write the file")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        self._shows_progress = not options["json"] and self.stderr.isatty()
        file, forgotten = options["file"], 0
        try:
            reads.catch_up()
            archive.write(file, _until(options), self._progress)
            report = archive.read(file)
            if not options["keep"]:
                forgotten = archive.trim(ACTOR, report, self._progress)
        except REFUSALS as error:
            raise CommandError(explain(error)) from error
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}") from error
        end = f"{report.head_revision}:{report.head_digest}"
        if options["json"]:
            told = {"file": str(file), "records": report.records, "forgotten": forgotten, "end": end}
            self.stdout.write(json.dumps(told))
        else:
            self.stdout.write(f"{report.records} records are in {file}, {forgotten} are forgotten; the last one: {end}")

    def _progress(self, done: int, total: int) -> None:
        if self._shows_progress:
            self.stderr.write(f"\r{done} of {total} records", ending="" if done < total else "\n")
            self.stderr.flush()


def _until(options: dict[str, Any]) -> int:
    if options["until"] is not None:
        return options["until"]
    if options["older_than_days"] < 0:
        raise CommandError("--older-than-days takes no negative number")
    at = datetime.now(UTC) - timedelta(days=options["older_than_days"])
    return last_before(at.isoformat(timespec="microseconds").replace("+00:00", "Z"))
