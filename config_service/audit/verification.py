"""Going through the chain of the audit trail on this node: what was tampered with, what is missing, what is foreign.

Each record is first held against its own digest, then against the record before it. Of records that fail, the first
ones tell the cause; a chain that was written anew from some record on, digests and all, is consistent in itself, and
shows only beside another node's digests (`expected`), and so does a trail whose last records are gone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from config_service.audit.digests import ORIGIN_DIGEST, Content, digest
from config_service.audit.models import AuditRecord
from config_service.envelope import Target

CHUNK = 2000
_to_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Finding:
    revision: int
    problem: str

    def __str__(self) -> str:
        return f"revision {self.revision}: {self.problem}"


@dataclass(slots=True)
class Report:
    """``head`` is the last record's revision and digest, to be compared between nodes."""

    records: int = 0
    head_revision: int = 0
    head_digest: str = ORIGIN_DIGEST.hex()
    findings: list[Finding] = field(default_factory=list)


def verify(
    progress: Callable[[int, int], None] = lambda done, total: None,
    expected: dict[int, str] | None = None,
) -> Report:
    """Check every record. ``progress`` is told how many of how many are done; ``expected`` holds digests by revision
    that were noted elsewhere, such as on another node."""
    expected = dict(expected or {})
    report = Report()
    total = AuditRecord.objects.count()
    before: AuditRecord | None = None
    for record in _records():
        report.findings += _check(record, before)
        wanted = expected.pop(record.revision, None)
        if wanted is not None and wanted != bytes(record.digest).hex():
            report.findings.append(Finding(record.revision, "its digest is not the expected one"))
        before = record
        report.records += 1
        if report.records % CHUNK == 0:
            progress(report.records, total)
    progress(report.records, total)
    report.findings += [Finding(revision, "expected, but there is no such record") for revision in sorted(expected)]
    if before is not None:
        report.head_revision, report.head_digest = before.revision, bytes(before.digest).hex()
    return report


def _records() -> Iterator[AuditRecord]:
    """By revision, in chunks of their own, so that the trail may grow to any length and under the check."""
    last = -1
    while chunk := list(AuditRecord.objects.filter(revision__gt=last).order_by("revision")[:CHUNK]):
        yield from chunk
        last = chunk[-1].revision


def _check(record: AuditRecord, before: AuditRecord | None) -> list[Finding]:
    findings = []
    if _digest(record) != bytes(record.digest):
        findings.append(Finding(record.revision, "its content is not what its digest was made of: tampered with"))
    position = before.position + 1 if before else 1
    digest_before = bytes(before.digest) if before else ORIGIN_DIGEST
    where = f"after revision {before.revision}" if before else "at the beginning"
    if record.position > position:
        count = record.position - position
        findings.append(Finding(record.revision, f"{count} missing before it, {where}"))
    elif record.position < position:
        findings.append(Finding(record.revision, f"inserted, or a repetition: position {record.position} is taken"))
    elif bytes(record.previous) != digest_before:
        findings.append(Finding(record.revision, f"does not follow from the record before it, {where}"))
    return findings


def _digest(record: AuditRecord) -> bytes | None:
    """What the record's digest ought to be; None where its targets are none."""
    try:
        targets = msgspec.convert(record.targets, tuple[Target, ...])
    except msgspec.ValidationError:
        return None
    content = Content(
        record.revision, record.position, record.at, record.actor, record.channel, record.address, record.token,
        record.request_id, record.action, _to_json(targets).decode(), bytes(record.previous),
    )  # fmt: skip
    return digest(content)
