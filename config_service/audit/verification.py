"""Going through the chain of the audit trail on this node: what was tampered with, what is missing, what is foreign.

Each record is first held against its own digest, then against the record before it. Of records that fail, the first
ones tell the cause; a chain that was written anew from some record on, digests and all, is consistent in itself, and
shows only beside another node's digests (`expected`), and so does a trail whose last records are gone.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from config_service.audit.digests import ORIGIN_DIGEST, Link, Record, digest
from config_service.audit.selectors import CHUNK, anchor, count_records, records


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
    """Check every record that is kept. ``progress`` is told how many of how many are done; ``expected`` holds digests
    by revision that were noted elsewhere, such as on another node, or at the end of an archive."""
    start, expected = anchor(), dict(expected or {})
    findings = []
    if start.revision in expected and expected.pop(start.revision) != start.digest.hex():
        findings.append(Finding(start.revision, "what is archived up to here has another digest than expected"))
    report = check_chain(_counted(records(), count_records(), progress), start, expected)
    report.findings = findings + report.findings
    return report


def check_chain(found: Iterable[Record], start: Link, expected: dict[int, str]) -> Report:
    """Whether each of ``found`` is sound and follows from the one before it, the first one from ``start``."""
    report = Report(0, start.revision, start.digest.hex())
    before = start
    for record in found:
        report.findings += _check(record, before)
        revision = record.content.revision
        if expected.pop(revision, record.digest.hex()) != record.digest.hex():
            report.findings.append(Finding(revision, "its digest is not the expected one"))
        before = record.link
        report.records += 1
    report.findings += [Finding(revision, "expected, but there is no such record") for revision in sorted(expected)]
    report.head_revision, report.head_digest = before.revision, before.digest.hex()
    return report


def _counted(found: Iterable[Record], total: int, progress: Callable[[int, int], None]) -> Iterator[Record]:
    done = 0
    for done, record in enumerate(found, 1):
        yield record
        if done % CHUNK == 0:
            progress(done, total)
    progress(done, total)


def _check(record: Record, before: Link) -> list[Finding]:
    content, findings = record.content, []
    if digest(content) != record.digest:
        findings.append(Finding(content.revision, "its content is not what its digest was made of: tampered with"))
    position = before.position + 1
    where = f"after revision {before.revision}" if before.position else "at the beginning"
    if content.position > position:
        count = content.position - position
        findings.append(Finding(content.revision, f"{count} missing before it, {where}"))
    elif content.position < position:
        findings.append(Finding(content.revision, f"inserted, or a repetition: position {content.position} is taken"))
    elif content.previous != before.digest:
        findings.append(Finding(content.revision, f"does not follow from the record before it, {where}"))
    return findings
