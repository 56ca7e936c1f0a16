"""Change sets in the state machine: the same on every node, whatever batches the log comes in."""

import random

import pytest
from django.db import connection, transaction

from config_service.changesets.commands import (
    ApproveChangeSet,
    CreateChangeSet,
    EditChangeSet,
    PublishChangeSet,
    RejectChangeSet,
    ScheduleChangeSet,
    TrimChangeSets,
    UnscheduleChangeSet,
    WithdrawChangeSet,
)
from config_service.changesets.edits import Edit, digest
from config_service.changesets.models import CLOSED, OPEN, ChangeSet, State
from config_service.entries.commands import DeleteEntry, DeleteNamespace, PutEntry, PutNamespace
from config_service.entries.models import ConfigEntry, EntryRevision
from config_service.envelope import Done, Refusal, decode_result, encode
from config_service.replicated import ReplicatedTables
from consensus.ports import Command

pytestmark = pytest.mark.django_db

TABLES = [table.name for table in ReplicatedTables.tables if table.name.split("_")[0] in ("entries", "changesets")]
STEPS = 300


def at(index: int) -> str:
    return f"2026-05-04T{index // 60:02}:{index % 60:02}:00.000100Z"


def run(tables, commands, first=1):
    """``commands`` are pairs of an actor and what it proposes."""
    batch = [
        Command(first + i, f"r{first + i}", encode(command, actor, at(first + i)))
        for i, (actor, command) in enumerate(commands)
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


class Undone(Exception):
    """Takes back what was applied."""


def some_edits(rng: random.Random) -> tuple[Edit, ...]:
    """Mostly on what is there."""
    made = []
    for key in rng.sample("abcdef", rng.randrange(1, 4)):
        namespace = rng.choice(["shop", "shop", "other"])
        now = ConfigEntry.objects.filter(namespace_id=namespace, key=key).values_list("revision", flat=True).first()
        base = (now or 0) if rng.random() < 0.8 else rng.randrange(STEPS)
        if now and rng.random() < 0.3:
            made.append(Edit("delete", namespace, key, base, comment="away"))
        else:
            made.append(Edit("put", namespace, key, base, str(rng.randrange(9)), "integer", ttl_s=rng.choice([0, 60])))
    return tuple(made)


def some_command(rng: random.Random):
    key = rng.choice("abcdef")
    newest = ChangeSet.objects.order_by("-id")
    found = rng.choice([None, *newest.filter(state__in=OPEN)[:5], *newest.filter(state__in=CLOSED)[:1]])
    if found is None or rng.random() < 0.4:
        return rng.choice(
            [
                lambda: CreateChangeSet("t", "", some_edits(rng)),
                lambda: CreateChangeSet("t", "", some_edits(rng)),
                lambda: PutEntry(rng.choice(["shop", "other"]), key, str(rng.randrange(9)), "integer"),
                lambda: DeleteEntry("shop", key),
                lambda: PutNamespace("shop", "", requires_approval=rng.random() < 0.3),
                lambda: PutNamespace("other", ""),
                lambda: DeleteNamespace("other"),
                lambda: TrimChangeSets(rng.randrange(4), 3600 * rng.randrange(3), rng.randrange(1, 4)),
            ]
        )()
    seen = (found.id, found.revision if rng.random() < 0.9 else found.revision + 1)
    shown = (*seen, found.digest if rng.random() < 0.9 else "0" * 32)
    if found.state == State.SCHEDULED and rng.random() < 0.5:
        return rng.choice([PublishChangeSet(*shown, due=True), RejectChangeSet(*seen, "lost the permission")])
    return rng.choice(
        [
            lambda: EditChangeSet(*seen, "u", "", some_edits(rng)),
            lambda: ApproveChangeSet(*shown),
            lambda: ApproveChangeSet(*shown),
            lambda: ScheduleChangeSet(*shown, at(STEPS + 5)),
            lambda: ScheduleChangeSet(*shown, at(STEPS + 5)),
            lambda: UnscheduleChangeSet(*seen),
            lambda: PublishChangeSet(*shown),
            lambda: PublishChangeSet(*shown, due=True),
            lambda: WithdrawChangeSet(*seen, "no"),
            lambda: RejectChangeSet(*seen, "lost the permission"),
        ]
    )()


Z = (Edit("put", "shop", "z", 0, "1", "integer"),)
# One that is published when it is due, and one that is rejected since somebody was faster.
DUE = [
    ("ann", PutNamespace("shop", "")),
    ("ann", PutNamespace("other", "")),
    ("ann", CreateChangeSet("t", "", Z)),
    ("bob", ScheduleChangeSet(3, 3, digest(Z), at(5))),
    ("cid", CreateChangeSet("t", "", Z)),
    ("cid", ScheduleChangeSet(5, 5, digest(Z), at(5))),
    ("system", PublishChangeSet(5, 6, digest(Z), due=True)),
    ("system", PublishChangeSet(3, 4, digest(Z), due=True)),
]


@pytest.mark.parametrize("seed", range(4))
def test_batches_cut_differently_give_the_same_tables_and_answers(seed):
    rng = random.Random(seed)
    commands = list(DUE)
    outcomes = []
    with pytest.raises(Undone), transaction.atomic():
        tables, states = ReplicatedTables(), set()
        results = run(tables, commands)
        while len(commands) < STEPS:
            commands.append((rng.choice(["ann", "bob", "cid"]), some_command(rng)))
            results += run(tables, commands[-1:], len(commands))
            states |= set(ChangeSet.objects.values_list("state", flat=True))
        outcomes.append((results, dump()))
        assert any(isinstance(result, Done) and result.counts for result in results), "some were forgotten"
        assert states >= {State.DRAFT, State.PUBLISHED, State.REJECTED, State.WITHDRAWN}
        raise Undone
    for sizes in ([STEPS], [1, 7, 30, 2]):
        with pytest.raises(Undone), transaction.atomic():
            tables, results, pieces = ReplicatedTables(), [], 0
            while len(results) < STEPS:
                size = sizes[pieces % len(sizes)]
                pieces += 1
                results += run(tables, commands[len(results) : len(results) + size], len(results) + 1)
            outcomes.append((results, dump()))
            raise Undone
    (results, tables), *others = outcomes
    for other_results, other_tables in others:
        assert other_results == results
        assert other_tables == tables
    assert {type(result) for result in results} == {Done, Refusal}
    codes = {result.code for result in results if isinstance(result, Refusal)}
    assert codes >= {
        "approval_required", "change_set_conflict", "precondition_failed", "second_person_required", "wrong_state",
    }  # fmt: skip


EDITS = (Edit("put", "shop", "a", 0, "1", "integer"), Edit("put", "shop", "b", 0, "2", "integer"))


@pytest.fixture
def tables():
    tables = ReplicatedTables()
    run(tables, [("ann", PutNamespace("shop", "", requires_approval=True)), ("ann", CreateChangeSet("t", "", EDITS))])
    return tables


def test_one_batch_from_draft_to_published(tables):
    """Each command sees what the one before it did, entries included."""
    shown = digest(EDITS)
    results = run(
        tables,
        [
            ("bob", ApproveChangeSet(2, 2, shown)),
            ("bob", PutNamespace("shop", "", requires_approval=False)),
            ("eve", PutEntry("shop", "a", "9", "integer")),
            ("bob", PublishChangeSet(2, 3, shown)),
            ("eve", DeleteEntry("shop", "a")),
            ("bob", PublishChangeSet(2, 3, shown)),
            ("bob", PublishChangeSet(2, 3, shown)),
            ("eve", PutEntry("shop", "b", "3", "integer", expected_revision=8)),
        ],
        3,
    )
    assert [getattr(result, "code", "done") for result in results] == [
        "done", "done", "done", "change_set_conflict", "done", "done", "wrong_state", "done",
    ]  # fmt: skip
    assert dict(ConfigEntry.objects.values_list("key", "value")) == {"a": "1", "b": "3"}
    assert [one.operation for one in results[5].results] == ["put", "put"]


@pytest.mark.parametrize(
    ("actor", "command", "code"),
    [
        ("bob", ApproveChangeSet(9, 2, digest(EDITS)), "not_found"),
        ("bob", ApproveChangeSet(2, 1, digest(EDITS)), "precondition_failed"),
        ("bob", ApproveChangeSet(2, 2, digest(EDITS[:1])), "precondition_failed"),
        ("ann", ApproveChangeSet(2, 2, digest(EDITS)), "second_person_required"),
        ("bob", PublishChangeSet(2, 2, digest(EDITS)), "approval_required"),
        ("bob", ScheduleChangeSet(2, 2, digest(EDITS), at(5)), "approval_required"),
        ("system", PublishChangeSet(2, 2, digest(EDITS), due=True), "wrong_state"),
        ("system", RejectChangeSet(2, 2, "no"), "wrong_state"),
        ("bob", UnscheduleChangeSet(2, 2), "wrong_state"),
        ("bob", EditChangeSet(2, 2, "t", "", (Edit("put", "none", "a", 0, "1", "integer"),)), "namespace_not_found"),
        ("eve", PutEntry("shop", "a", "1", "integer"), "approval_required"),
    ],
)
def test_refusals_change_nothing(tables, actor, command, code):
    before = dump()
    (result,) = run(tables, [(actor, command)], 3)
    assert result.code == code
    assert dump() == before and not EntryRevision.objects.exists()


def test_every_field_of_an_edit_is_in_the_digest():
    first = EDITS[0]
    others = {"operation": "delete", "namespace": "x", "key": "x", "base_revision": 1, "value_json": "2",
              "type": "json", "comment": "c", "ttl_s": 1, "expires_at": at(1)}  # fmt: skip
    assert set(others) == set(Edit.__struct_fields__)
    found = {digest([Edit(**{name: getattr(first, name) for name in others} | {n: v})]) for n, v in others.items()}
    assert len(found | {digest([first]), digest(EDITS), digest(EDITS[::-1])}) == len(others) + 3
