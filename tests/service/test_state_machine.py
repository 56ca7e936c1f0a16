"""The state machine by itself: decisions, determinism, versions."""

import random
from uuid import UUID

import msgspec
import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from config_service.accounts.commands import (
    DeleteGroup,
    DeleteToken,
    DeleteUser,
    PutGroup,
    PutToken,
    PutUser,
    SetPassword,
)
from config_service.accounts.models import AccountsState, ApiToken, User
from config_service.accounts.selectors import accounts_revision
from config_service.audit.models import AuditRecord
from config_service.entries.commands import (
    CompactHistory,
    DeleteEntry,
    DeleteNamespace,
    ExpireEntries,
    PutEntry,
    PutNamespace,
    RollbackEntry,
    RollbackNamespace,
    SeenEntry,
    Transact,
)
from config_service.entries.models import ConfigEntry, EntryRevision, HistoryReach, Namespace
from config_service.entries.operations import Compare, Delete, Put
from config_service.envelope import Done, Refusal, decode_result, encode
from config_service.guard import applying
from config_service.replicated import ReplicatedTables
from consensus.errors import UnknownVersion
from consensus.ports import Command

pytestmark = pytest.mark.django_db

AT = "2026-05-04T03:02:01.000100Z"
TABLES = (
    "entries_namespace", "entries_configentry", "entries_entryrevision", "entries_historyreach",
    "entries_schemaversion", "entries_importpart",
    "accounts_user", "accounts_apitoken", "accounts_accountsstate",
    "auth_group", "accounts_user_groups", "accounts_user_user_permissions", "auth_group_permissions",
    "audit_auditrecord",
)  # fmt: skip


def put(key, value="1", **more):
    return PutEntry("shop", key, value, more.pop("type", "integer"), **more)


def run(tables, commands, first=1, at=lambda index: AT):
    batch = [
        Command(first + i, f"r{first + i}", encode(command, "ann", at(first + i))) for i, command in enumerate(commands)
    ]
    with transaction.atomic():
        return [decode_result(result) for result in tables.apply(batch)]


def dump():
    with connection.cursor() as cursor:
        found = {}
        for table in TABLES:
            cursor.execute(f"SELECT * FROM {table}")
            found[table] = sorted(cursor.fetchall(), key=repr)
        return found


@pytest.fixture
def tables():
    tables = ReplicatedTables()
    assert run(tables, [PutNamespace("shop", "")], 1) == [Done(1, True, 1, at=AT)]
    return tables


def test_one_batch_sees_its_own_changes(tables):
    results = run(
        tables,
        [
            put("a", must_not_exist=True),
            put("a", "2", expected_revision=2),
            put("a", must_not_exist=True),
            put("a", expected_revision=2),
            DeleteEntry("shop", "a", 3),
            DeleteEntry("shop", "a"),
            put("a", "9"),
        ],
        2,
    )
    assert results[0] == Done(2, True, 2, 1, "integer", AT)
    assert results[1] == Done(3, False, 2, 2, "integer", AT)
    assert results[2] == Refusal("precondition_failed", "the entry exists already", 3)
    assert (results[3].code, results[3].current_revision) == ("precondition_failed", 3)
    assert results[4] == Done(6, at=AT)
    assert results[5].code == "not_found"
    assert results[6] == Done(8, True, 8, 1, "integer", AT)
    entry = ConfigEntry.objects.get()
    assert (entry.value, entry.revision, entry.version, entry.updated_by) == ("9", 8, 1, "ann")
    assert entry.updated_at.isoformat() == "2026-05-04T03:02:01.000100+00:00"


@pytest.mark.parametrize(
    ("command", "code", "current"),
    [
        (put("a", expected_revision=1), "precondition_failed", 2),
        (put("b", expected_revision=1), "precondition_failed", 0),
        (put("b", must_exist=True), "precondition_failed", 0),
        (put("a", must_not_exist=True), "precondition_failed", 2),
        (DeleteEntry("shop", "b"), "not_found", 0),
        (DeleteEntry("shop", "b", 4), "precondition_failed", 0),
        (DeleteEntry("shop", "b", None, True), "precondition_failed", 0),
        (DeleteEntry("shop", "a", 1), "precondition_failed", 2),
        (PutEntry("none", "a", "1", "integer"), "namespace_not_found", 0),
        (DeleteEntry("none", "a"), "namespace_not_found", 0),
        (DeleteNamespace("none"), "namespace_not_found", 0),
        (DeleteNamespace("shop"), "namespace_not_empty", 0),
        (PutNamespace("shop", "x", True), "already_exists", 0),
    ],
)
def test_refusals_change_nothing(tables, command, code, current):
    run(tables, [put("a")], 2)
    before = dump()
    (result,) = run(tables, [command], 3)
    assert (result.code, result.current_revision) == (code, current)
    assert dump() == before


def test_a_namespace_is_deleted_once_it_is_empty_in_one_batch(tables):
    results = run(
        tables,
        [put("a"), DeleteNamespace("shop"), DeleteEntry("shop", "a"), DeleteNamespace("shop"), put("a")],
        2,
    )
    assert [getattr(result, "code", "done") for result in results] == [
        "done", "namespace_not_empty", "done", "done", "namespace_not_found"
    ]  # fmt: skip
    assert not Namespace.objects.exists() and not ConfigEntry.objects.exists()


def test_a_guessed_type_keeps_the_entry_s_own_where_it_fits(tables):
    run(tables, [put("f", "1.5", type="float"), put("j", "{}", type="json"), put("s", '"x"', type="string")], 2)
    results = run(
        tables,
        [
            put("f", "2", type="integer", type_given=False),
            put("j", "true", type="boolean", type_given=False),
            put("s", "2", type="integer", type_given=False),
            put("f", "2", type="integer", type_given=True),
        ],
        5,
    )
    assert [result.type for result in results] == ["float", "json", "integer", "integer"]


def test_whatever_may_change_what_somebody_may_do_moves_the_accounts_revision_on(tables):
    user, token = UUID(int=1), UUID(int=2)
    assert accounts_revision() == 0
    changes = [
        PutUser(user, "ann", "!"),
        PutToken(token, "t", user, "h", "p", ("read:*",)),
        PutGroup("readers", ("entries.view_configentry",)),
        SetPassword(user, "!"),
        DeleteGroup("readers"),
        DeleteToken(token),
        DeleteUser(user),
    ]
    for revision, change in enumerate(changes, 2):
        run(tables, [change], revision)
        assert accounts_revision() == revision, change
    run(tables, [DeleteUser(user), put("a")], 20)
    assert accounts_revision() == len(changes) + 1, "neither a refusal nor an entry moves it"


def test_what_is_remembered_is_forgotten_after_a_rollback(tables):
    with pytest.raises(RuntimeError), transaction.atomic():
        run(tables, [put("a"), PutNamespace("other", "")], 2)
        raise RuntimeError
    tables.reset()
    results = run(tables, [put("a", must_not_exist=True), PutNamespace("other", "", True)], 2)
    assert [type(result) for result in results] == [Done, Done]


def test_a_remembered_entry_costs_no_read(tables, django_assert_num_queries):
    run(tables, [put("a")], 2)
    fresh = ReplicatedTables()
    assert run(fresh, [put("a", expected_revision=2)], 3)[0].version == 2
    assert run(fresh, [put("a", expected_revision=3)], 4)[0].version == 3


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"\xc1", b"x",
        msgspec.msgpack.encode([3, "ann", AT, ["entries.delete", "shop", "a"]]),
        msgspec.msgpack.encode([2, "ann", AT, ["entries.delete", "shop", "a"], [], "more"]),
        msgspec.msgpack.encode([2, "ann", AT, ["entries.delete", "shop", "a"], ["admin", "", "", "more"]]),
        msgspec.msgpack.encode([1, "ann", AT, ["entries.rename", "shop", "a"]]),
        msgspec.msgpack.encode([1, "ann", AT, ["entries.delete", "shop", "a", None, False, "more"]]),
        msgspec.msgpack.encode([1, "ann", AT, ["entries.delete", "shop", 7]]),
        msgspec.msgpack.encode([1, "ann", AT]),
    ],
)  # fmt: skip
def test_an_unknown_command_stops_the_node_before_anything_is_applied(tables, payload):
    commands = [Command(2, "r", encode(put("a"), "ann", AT)), Command(3, "s", payload)]
    with pytest.raises(UnknownVersion), transaction.atomic():
        tables.apply(commands)
    assert not ConfigEntry.objects.exists()


USERS = [UUID(int=n) for n in range(1, 4)]


def _some_command(rng: random.Random):
    key, user = rng.choice("abcdef"), rng.choice(USERS)
    group = rng.choice(["g1", "g2", "g3"])
    return rng.choice(
        [
            lambda: put(key, str(rng.randrange(9)), expected_revision=rng.choice([None, None, rng.randrange(200)])),
            lambda: put(key, "1.5", type="float", type_given=rng.random() < 0.5),
            lambda: put(key, must_not_exist=True),
            lambda: DeleteEntry("shop", key),
            lambda: PutEntry(rng.choice(["shop", "other"]), key, '"é"', "string", comment="c"),
            lambda: Transact(
                (Compare("shop", key, "version", rng.randrange(3)), Compare("shop", "a", "value", value_json="1")),
                (Put("shop", key, "7", "integer", ttl_s=rng.choice([0, 60])), Delete("shop", "g")),
                (Put(rng.choice(["shop", "other"]), key, "8", "integer"), Put("shop", "g", "1", "integer")),
            ),
            lambda: ExpireEntries((SeenEntry("shop", key, rng.randrange(250)),)),
            lambda: RollbackEntry("shop", key, rng.randrange(250), "back", rng.choice([None, None, 3])),
            lambda: RollbackNamespace("shop", rng.randrange(250), "all back"),
            lambda: CompactHistory(rng.randrange(1, 4), rng.randrange(9_000), rng.randrange(1, 30)),
            lambda: PutNamespace(rng.choice(["other", "third"]), str(rng.random())),
            lambda: DeleteNamespace(rng.choice(["other", "third"])),
            lambda: PutUser(
                user, f"u{rng.randrange(3)}", "hash", is_staff=rng.random() < 0.5,
                groups=(group,) if rng.random() < 0.5 else (), permissions=("entries.view_configentry", "no.such"),
            ),
            lambda: SetPassword(user, "other"),
            lambda: DeleteUser(user),
            lambda: PutGroup(group, ("entries.add_configentry", "auth.view_group")),
            lambda: PutGroup("g3", (), "g1"),
            lambda: DeleteGroup(group),
            lambda: PutToken(UUID(int=rng.randrange(9, 12)), "t", user, rng.choice(["", "aa", "bb"]), "p", ("read:*",)),
            lambda: DeleteToken(UUID(int=rng.randrange(9, 12))),
        ]
    )()  # fmt: skip


def _wipe():
    with applying():
        ConfigEntry.objects.all().delete()
        EntryRevision.objects.all().delete()
        HistoryReach.objects.all().delete()
        Namespace.objects.all().delete()
        ApiToken.objects.all().delete()
        AccountsState.objects.all().delete()
        User.objects.all().delete()
        Group.objects.all().delete()
        AuditRecord.objects.all().delete()


def _minute(index: int) -> str:
    """Times that mostly grow, as those of several proposers do."""
    return f"2026-05-04T{index // 60:02}:{(index * 7) % 60:02}:00.000000Z"


@pytest.mark.parametrize("seed", range(6))
def test_batches_cut_differently_give_the_same_tables_and_answers(seed):
    rng = random.Random(seed)
    commands = [PutNamespace("shop", ""), *(_some_command(rng) for _ in range(250))]
    outcomes = []
    for sizes in ([1], [len(commands)], [1, 7, 30, 2]):
        _wipe()
        tables, results, place = ReplicatedTables(), [], 0
        while place < len(commands):
            size = sizes[len(results) % len(sizes)]
            if rng.random() < 0.1:
                tables.reset()
            results += run(tables, commands[place : place + size], place + 1, _minute)
            place += size
        outcomes.append((results, dump()))
    (results, tables), *others = outcomes
    for other_results, other_tables in others:
        assert other_results == results
        for table in TABLES:
            assert other_tables[table] == tables[table], table
    assert {type(result) for result in results} == {Done, Refusal}
