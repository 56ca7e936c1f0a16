"""Old records of the audit trail go into files: the chain stays whole, in the files and on every node."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from config_service.audit import archive
from config_service.audit.commands import TrimAudit
from config_service.audit.models import AuditAnchor, AuditRecord
from config_service.audit.verification import verify
from config_service.errors import PreconditionFailed
from config_service.proposing import propose
from consensus.errors import NoLeader


@pytest.fixture
def records(shop) -> list[int]:
    """The revisions of the trail."""
    for number in range(20):
        shop.put(f"namespaces/shop/entries/k{number}", {"value": number})
    return list(AuditRecord.objects.order_by("revision").values_list("revision", flat=True))


def run(*argv: str) -> str:
    out = io.StringIO()
    call_command(*argv, stdout=out)
    return out.getvalue()


def test_what_is_archived_is_forgotten_and_the_chain_goes_on(records, direct, tmp_path):
    head, first, second = verify(), str(tmp_path / "1.jsonl"), str(tmp_path / "2.jsonl")
    told = json.loads(run("archiveaudit", first, "--until", str(records[9]), "--json"))
    assert (told["records"], told["forgotten"]) == (10, 10)
    assert AuditRecord.objects.order_by("revision").first().revision == records[10]
    kept = verify(expected={records[9]: told["end"].partition(":")[2], head.head_revision: head.head_digest})
    assert kept.findings == [] and kept.records == len(records) - 10 + 1
    assert AuditRecord.objects.order_by("-revision").first().action == "audit.trim"
    direct.tables.reset()
    newest = AuditRecord.objects.order_by("-revision").first().revision
    run("archiveaudit", second, "--until", str(newest))
    assert list(AuditRecord.objects.values_list("action", flat=True)) == ["audit.trim"] and verify().findings == []
    lines = [json.loads(line) for line in Path(second).read_text().splitlines()]
    assert lines[0]["after_digest"] == told["end"].partition(":")[2], "the files join"
    for file in (first, second):
        assert "records; the last one" in run("verifyaudit", "--archive", file)


def test_a_chain_whose_beginning_is_archived_goes_on_from_there_on_an_empty_table(records, shop, direct, tmp_path):
    run("archiveaudit", str(tmp_path / "a"), "--until", str(records[-1]))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_auditrecord")
    direct.tables.reset()
    shop.put("namespaces/shop/entries/a", {"value": 1})
    assert verify().findings == [] and verify().records == 1
    assert bytes(AuditRecord.objects.get().previous) == bytes(AuditAnchor.objects.get().digest)


def test_trimming_goes_piece_by_piece(records, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "TRIM_AT_ONCE", 3)
    told = json.loads(run("archiveaudit", str(tmp_path / "a"), "--until", str(records[9]), "--json"))
    assert told["forgotten"] == 10 and AuditRecord.objects.filter(action="audit.trim").count() == 4
    assert verify().findings == []


def test_what_was_archived_elsewhere_is_not_forgotten(records):
    for revision, digest in ((records[3], b"another"), (10**6, b"none")):
        with pytest.raises(PreconditionFailed):
            propose(TrimAudit(revision, digest, 10), "ann")
    assert AuditRecord.objects.count() == len(records)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda lines: lines[:3] + lines[4:], "ends too early"),
        (lambda lines: lines[:-1], "ends too early"),
        (lambda lines: [lines[0], lines[1].replace("root", "eve"), *lines[2:]], "1 finding$"),
        (lambda lines: lines[1:], "is no archive"),
        (lambda lines: [lines[0], "{", *lines[1:]], "a line of the archive is no JSON"),
        (lambda lines: [lines[0], '{"revision": 1}', *lines[1:]], "a line of the archive is no record"),
        (lambda lines: ['{"audit": 1}', *lines[1:]], "the head of the archive cannot be read"),
    ],
)
def test_a_file_that_was_tampered_with_is_found(records, tmp_path, change, complaint):
    file = tmp_path / "a.jsonl"
    run("archiveaudit", str(file), "--until", str(records[9]), "--keep")
    assert AuditRecord.objects.count() == len(records)
    file.write_text("\n".join(change(file.read_text().splitlines())) + "\n")
    with pytest.raises(CommandError, match=complaint):
        run("verifyaudit", "--archive", str(file))


def test_nothing_is_forgotten_that_is_not_in_a_sound_file(records, direct, tmp_path):
    file = tmp_path / "a.jsonl"
    with pytest.raises(CommandError, match="there are no audit records up to revision 0"):
        run("archiveaudit", str(file), "--older-than-days", "1")
    file.write_text("there before")
    with pytest.raises(CommandError, match="exists already"):
        run("archiveaudit", str(file), "--until", str(records[9]))
    assert file.read_text() == "there before"
    with pytest.raises(CommandError, match="cannot be written: No such file"):
        run("archiveaudit", "/nowhere/a.jsonl", "--until", str(records[9]))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditrecord SET actor = 'eve' WHERE revision = %s", [records[4]])
    with pytest.raises(CommandError, match="the trail is not sound"):
        run("archiveaudit", str(tmp_path / "b.jsonl"), "--until", str(records[9]))
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]
    direct.failure = NoLeader()
    with pytest.raises(CommandError, match="Nothing was changed"):
        run("archiveaudit", str(tmp_path / "c.jsonl"), "--until", str(records[2]))
    assert AuditRecord.objects.count() == len(records)


def test_by_age(records, tmp_path):
    told = json.loads(run("archiveaudit", str(tmp_path / "a"), "--older-than-days", "0", "--json"))
    assert told["records"] == len(records) and verify().findings == []
