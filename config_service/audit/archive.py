"""The audit trail in files: what a node need not hold any more stays verifiable, and goes on where the files end.

A file is JSON lines: a head, the records in their order with their digests, an end. The head names the digest that the
first record follows, the end that of the last one; so files join to each other, and the last to the node's own trail.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from config_service.audit.commands import TrimAudit
from config_service.audit.digests import Link, Record
from config_service.audit.selectors import anchor, count_records, records
from config_service.audit.verification import Report, check_chain
from config_service.errors import Invalid, NotFound
from config_service.proposing import propose
from config_service.whole_file import whole_file

FORMAT = 1
TRIM_AT_ONCE = 2000

Progress = Callable[[int, int], None]


def write(path: Path, until: int, progress: Progress) -> Report:
    """The records up to the revision ``until``, checked on their way; the file is there whole, or not at all."""
    total = count_records(until)
    if not total:
        raise NotFound(f"there are no audit records up to revision {until}")
    try:
        with whole_file(path) as file:
            report = check_chain(_written(records(until), file, anchor(), progress, total), anchor(), {})
            file.write(_line({"end": report.records, "revision": report.head_revision, "digest": report.head_digest}))
            if report.findings:
                raise Invalid(f"the trail is not sound, so it is not archived: {report.findings[0]}")
    except FileExistsError:
        raise Invalid(f"{path} exists already: an archive is never overwritten") from None
    return report


def read(path: Path) -> Report:
    """Check a file by itself. ``findings`` are what is wrong with it; raises `Invalid` where it is no archive."""
    with path.open(encoding="utf-8") as file:
        lines = (_parsed(line) for line in file)
        head = next(lines, {})
        if head.get("audit") != FORMAT:
            raise Invalid(f"{path} is no archive of an audit trail that this release reads")
        ends: list[dict[str, Any]] = []
        start = _start(head)
        report = check_chain(_read(lines, ends), start, {})
    if not ends or ends[0] != {"end": report.records, "revision": report.head_revision, "digest": report.head_digest}:
        raise Invalid(f"{path} ends too early, or its end was changed")
    return report


def trim(actor: str, report: Report, progress: Progress) -> int:
    """Have the group forget what ``report`` says is archived. Returns how many records went."""
    total = 0
    while True:
        command = TrimAudit(report.head_revision, bytes.fromhex(report.head_digest), TRIM_AT_ONCE)
        gone = propose(command, actor).changed
        total += gone
        progress(total, report.records)
        if not gone or total >= report.records:
            return total


def _written(found: Iterator[Record], file: Any, start: Link, progress: Progress, total: int) -> Iterator[Record]:
    after = {"after_revision": start.revision, "after_position": start.position, "after_digest": start.digest.hex()}
    file.write(_line({"audit": FORMAT, **after}))
    for number, record in enumerate(found, 1):
        fields = record.content._asdict() | {"targets": json.loads(record.content.targets)}
        file.write(_line(fields | {"previous": record.content.previous.hex(), "digest": record.digest.hex()}))
        if number % TRIM_AT_ONCE == 0 or number == total:
            progress(number, total)
        yield record


def _read(lines: Iterator[dict[str, Any]], ends: list[dict[str, Any]]) -> Iterator[Record]:
    for line in lines:
        if "end" in line:
            ends.append(line)
            return
        try:
            previous, digest = (bytes.fromhex(line.pop(name)) for name in ("previous", "digest"))
            yield Record.found(previous=previous, digest=digest, **line)
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid(f"a line of the archive is no record: {error}") from error


def _start(head: dict[str, Any]) -> Link:
    try:
        return Link(head["after_revision"], head["after_position"], bytes.fromhex(head["after_digest"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(f"the head of the archive cannot be read: {error}") from error


def _parsed(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise Invalid(f"a line of the archive is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Invalid("a line of the archive is no JSON object")
    return found


def _line(fields: dict[str, Any]) -> bytes:
    return (json.dumps(fields, ensure_ascii=False) + "\n").encode()
