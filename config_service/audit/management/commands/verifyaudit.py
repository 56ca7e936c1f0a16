"""Check the chain of the audit trail on this node."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from config_service.audit import archive
from config_service.audit.verification import Report, verify
from config_service.errors import Invalid

SHOWN = 20


def _expectation(text: str) -> tuple[int, str]:
    revision, _, digest = text.partition(":")
    if not (revision.isascii() and revision.isdigit() and digest):
        raise CommandError(f"--expect takes REVISION:DIGEST, not {text!r}")
    return int(revision), digest.lower()


class Command(BaseCommand):
    help = (
        "Checks every record of this node's audit trail: its own digest, and that it follows from the record before. "
        "Ends with 1 and names the records where something was tampered with, removed or slipped in. Prints the last "
        "record's digest: equal ones on two nodes mean equal trails."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--expect",
            action="append",
            default=[],
            metavar="REVISION:DIGEST",
            help="a record as another node printed it, or as it was noted earlier; may be given more than once",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

        parser.add_argument(
            "--archive", type=Path, metavar="FILE", help="check a file of archiveaudit instead of this node's trail"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._shows_progress = not options["json"] and self.stderr.isatty()
        try:
            report = self._report(dict(map(_expectation, options["expect"])), options["archive"])
        except (OSError, UnicodeDecodeError, Invalid) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(f"this node's database cannot be read: {str(error).strip().splitlines()[0]}") from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report)))
        else:
            self._print(report)
        if report.findings:
            count = len(report.findings)
            raise CommandError(f"the audit trail is not sound: {count} finding{'' if count == 1 else 's'}")

    def _report(self, expected: dict[int, str], file: Path | None) -> Report:
        if file is None:
            return verify(self._progress, expected)
        if expected:
            raise CommandError("--expect is about this node's trail, not about a file")
        return archive.read(file)

    def _progress(self, done: int, total: int) -> None:
        if self._shows_progress:
            self.stderr.write(f"\r{done} of {total} records", ending="" if done < total else "\n")
            self.stderr.flush()

    def _print(self, report: Report) -> None:
        for finding in report.findings[:SHOWN]:
            self.stdout.write(str(finding))
        if len(report.findings) > SHOWN:
            self.stdout.write(f"and {len(report.findings) - SHOWN} more")
        self.stdout.write(f"{report.records} records; the last one: {report.head_revision}:{report.head_digest}")
