"""The audit trail: what is recorded, the chain, and what `verifyaudit` finds."""

import io
import json
import random
import re
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client as WebClient

from config_service.accounts.commands import AccountsCommand, PutUser, SetPassword
from config_service.audit.models import AuditRecord
from config_service.audit.verification import verify
from config_service.entries.commands import DeleteEntry, EntriesCommand, PutEntry, PutNamespace
from config_service.entries.models import Namespace
from config_service.envelope import CommandBase, encode
from config_service.guard import ReplicatedWriteError
from config_service.replicated import ReplicatedTables
from consensus.origin import Origin
from consensus.ports import Command, GroupChange

pytestmark = pytest.mark.django_db

AT = "2026-05-04T03:02:01.000100Z"
REST = Origin("rest", "192.0.2.17", "cfg_abcd")


def apply(tables, commands, first=1, changes=(), version=2):
    batch = [
        Command(first + i, f"r{first + i}", encode(command, "ann", AT, REST, version))
        for i, command in enumerate(commands)
    ]
    with transaction.atomic():
        tables.apply(batch, changes)


def chain():
    return [(row.revision, row.position, bytes(row.digest)) for row in AuditRecord.objects.order_by("revision")]


def commands(count=40):
    rng = random.Random(1)
    made = [PutNamespace("shop", "")]
    for i in range(count):
        made.append(rng.choice([PutEntry("shop", f"k{i % 7}", "1", "integer"), DeleteEntry("shop", f"k{i % 5}")]))
    return made


@pytest.fixture
def trail():
    """41 commands, some of which were refused."""
    apply(ReplicatedTables(), commands())
    assert verify().findings == []
    return chain()


def tamper(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        assert cursor.rowcount == 1


def test_a_record_says_who_did_what_from_where_and_with_which_request_id():
    apply(ReplicatedTables(), [PutNamespace("shop", "x"), PutEntry("shop", "a", '"plain text"', "string")])
    record = AuditRecord.objects.get(revision=2)
    assert (record.actor, record.at, record.request_id, record.action) == ("ann", AT, "r2", "entries.put")
    assert (record.channel, record.address, record.token) == ("rest", "192.0.2.17", "cfg_abcd")
    assert record.targets == [{"kind": "entry", "namespace": "shop", "key": "a"}]
    assert record.position == 2 and bytes(record.previous) == bytes(AuditRecord.objects.get(revision=1).digest)


def test_a_refused_command_leaves_no_record():
    apply(ReplicatedTables(), [PutNamespace("shop", ""), DeleteEntry("shop", "a"), PutEntry("none", "a", "1", "json")])
    assert [row[0] for row in chain()] == [1]


def test_the_hash_of_a_password_is_not_recorded():
    put = PutUser(UUID(int=1), "ann", "scrypt$secret-hash", is_superuser=True, is_staff=True)
    apply(ReplicatedTables(), [put, SetPassword(UUID(int=1), "scrypt$other-hash")])
    assert "-hash" not in repr(list(AuditRecord.objects.values_list()))
    assert AuditRecord.objects.get(revision=1).targets == [
        {"kind": "user", "name": "ann", "id": str(UUID(int=1)), "detail": "roles: is_superuser, is_staff"}
    ]


def test_a_command_of_the_version_before_leaves_no_record_as_on_nodes_that_are_not_upgraded_yet():
    apply(ReplicatedTables(), [PutNamespace("shop", "")], version=1)
    assert Namespace.objects.exists() and not AuditRecord.objects.exists()


def test_what_was_changed_about_the_group_stands_in_the_order_of_the_log():
    change = GroupChange(2, "g", "group.draining", "n1", "eve", AT, Origin("admin", "192.0.2.18"))
    tables = ReplicatedTables()
    apply(tables, [PutNamespace("shop", "")], 1)
    batch = [Command(i, f"r{i}", encode(PutNamespace(f"n{i}", ""), "ann", AT)) for i in (3, 4)]
    with transaction.atomic():
        tables.apply(batch, [change])
    record = AuditRecord.objects.get(revision=2)
    assert (record.position, record.actor, record.action, record.address) == (2, "eve", "group.draining", "192.0.2.18")
    assert record.targets == [{"kind": "node", "name": "n1"}]
    assert [row[:2] for row in chain()] == [(1, 1), (2, 2), (3, 3), (4, 4)] and verify().findings == []


@pytest.mark.parametrize("sizes", [[1], [1, 7, 3], [41]], ids=["one by one", "mixed", "all at once"])
def test_the_digests_do_not_depend_on_how_batches_are_cut(trail, sizes):
    tamper("WITH gone AS (DELETE FROM audit_auditrecord) DELETE FROM entries_namespace")
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE entries_configentry, entries_entryrevision, entries_historyreach")
    tables, made, place, turn = ReplicatedTables(), commands(), 0, 0
    while place < len(made):
        size = sizes[turn % len(sizes)]
        apply(tables, made[place : place + size], place + 1)
        place, turn = place + size, turn + 1
        if turn % 3 == 0:
            tables.reset()
    assert chain() == trail


def every_command(base=CommandBase):
    for kind in base.__subclasses__():
        yield kind
        yield from every_command(kind)


def test_every_command_says_what_it_touches():
    kinds = [kind for kind in every_command() if kind.__module__.startswith("config_service.")]
    assert set(kinds) >= {*EntriesCommand.__args__, *AccountsCommand.__args__}
    assert [kind for kind in kinds if "touches" not in vars(kind)] == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "bob"), ("at", "2026-05-04T03:02:01.000101Z"), ("channel", "admin"), ("address", ""),
        ("token", "x"), ("request_id", "other"), ("action", "entries.other"), ("targets", "[]"),
        ("previous", b"x"), ("digest", b"x"), ("targets", '{"a": 1}'),
        ("targets", '[{"kind": "entry", "namespace": "shop", "key": "other"}]'),
    ],
)  # fmt: skip
def test_a_tampered_record_is_found_and_named(trail, column, value):
    revision = trail[5][0]
    tamper(f"UPDATE audit_auditrecord SET {column} = %s WHERE revision = %s", value, revision)
    findings = verify().findings
    assert findings[0].revision == revision and "tampered" in findings[0].problem


def test_a_removed_record_is_found(trail):
    tamper("DELETE FROM audit_auditrecord WHERE revision = %s", trail[5][0])
    (finding,) = verify().findings
    assert finding.revision == trail[6][0]
    assert finding.problem == f"1 missing before it, after revision {trail[4][0]}"


def test_a_missing_beginning_is_found(trail):
    tamper("DELETE FROM audit_auditrecord WHERE revision = 1")
    assert [str(finding) for finding in verify().findings] == [
        f"revision {trail[1][0]}: 1 missing before it, at the beginning"
    ]


def test_an_inserted_record_is_found(trail):
    tamper(
        "INSERT INTO audit_auditrecord SELECT %s, position + 1, at, actor, channel, address, token, request_id, action,"
        " targets, digest, digest FROM audit_auditrecord WHERE revision = %s", 10_000, trail[-1][0]
    )  # fmt: skip
    (finding,) = verify().findings
    assert finding.revision == 10_000 and "tampered" in finding.problem


def test_a_record_that_was_slipped_in_between_is_found(trail):
    free = next(revision for revision in range(2, 40) if revision not in {row[0] for row in trail})
    tamper(
        "INSERT INTO audit_auditrecord SELECT %s, position, at, actor, channel, address, token, request_id, action,"
        " targets, previous, digest FROM audit_auditrecord WHERE revision = %s",
        free, max(row[0] for row in trail if row[0] < free),
    )  # fmt: skip
    assert free in {finding.revision for finding in verify().findings}


def test_a_chain_written_anew_shows_beside_another_node_s_digest(trail):
    revision, _, digest = trail[-1]
    assert verify(expected={revision: digest.hex()}).findings == []
    assert [finding.revision for finding in verify(expected={revision: "00" * 32}).findings] == [revision]
    tamper("DELETE FROM audit_auditrecord WHERE revision = %s", revision)
    assert "no such record" in verify(expected={revision: digest.hex()}).findings[0].problem


def test_the_command_prints_the_head_and_fails_on_findings(trail):
    out = io.StringIO()
    call_command("verifyaudit", stdout=out)
    assert f"{trail[-1][0]}:{trail[-1][2].hex()}" in out.getvalue()
    tamper("UPDATE audit_auditrecord SET actor = 'eve' WHERE revision = %s", trail[3][0])
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"1 finding$"):
        call_command("verifyaudit", "--json", stdout=out)
    assert [finding["revision"] for finding in json.loads(out.getvalue())["findings"]] == [trail[3][0]]
    with pytest.raises(CommandError, match="REVISION:DIGEST"):
        call_command("verifyaudit", "--expect", "latest")


def test_nothing_else_writes_the_trail(trail):
    for write in (lambda: AuditRecord.objects.all().delete(), lambda: AuditRecord.objects.update(actor="x")):
        with pytest.raises(ReplicatedWriteError):
            write()


def test_what_came_in_by_no_channel_can_be_filtered_for_by_name(shop, root):
    web = WebClient()
    web.force_login(root)
    page = web.get("/admin/audit/auditrecord/").content.decode()
    assert '<a href="?channel=">the group itself</a>' in re.sub(r"\s*\n\s*", "", page)
