"""How long closed change sets are kept: the rule, the leader's task, the record."""

import pytest
from django.db import transaction

from config_service.audit.models import AuditRecord
from config_service.changesets import retention, tasks
from config_service.changesets.commands import (
    CreateChangeSet,
    PublishChangeSet,
    RejectChangeSet,
    ScheduleChangeSet,
    TrimChangeSets,
    WithdrawChangeSet,
)
from config_service.changesets.edits import Edit, digest
from config_service.changesets.models import ChangeSet
from config_service.entries.commands import PutNamespace
from config_service.entries.tasks import ACTOR
from config_service.envelope import decode_result, encode
from config_service.errors import Invalid
from config_service.replicated import ReplicatedTables
from consensus.errors import NoLeader
from consensus.ports import Command
from tests.service.conftest import group_view

EDITS = (Edit("put", "shop", "a", 0, "1", "integer"),)
DIGEST = digest(EDITS)
HOUR_S = 3600


def at(index: int) -> str:
    return f"2026-05-04T{index:02}:00:00.000100Z"


def run(tables, index: int, command):
    """Applied at hour ``index``."""
    with transaction.atomic():
        (result,) = tables.apply([Command(index, f"r{index}", encode(command, "ann", at(index)))])
    return decode_result(result)


@pytest.fixture
def tables(db):
    """Five change sets with the ids 2 to 6: 4, 3, 2 and 6 are closed, in this order, at 7, 9, 10 and 11 o'clock."""
    tables = ReplicatedTables()
    log = [
        PutNamespace("shop", ""), *[CreateChangeSet("t", "", EDITS)] * 5,
        WithdrawChangeSet(4, 4), ScheduleChangeSet(3, 3, DIGEST, at(9)), RejectChangeSet(3, 8, "no"),
        PublishChangeSet(2, 2, DIGEST), WithdrawChangeSet(6, 6),
    ]  # fmt: skip
    for index, command in enumerate(log, 1):
        run(tables, index, command)
    return tables


def kept() -> set[int]:
    return set(ChangeSet.objects.values_list("id", flat=True))


@pytest.mark.parametrize(
    ("keep_closed", "keep_s", "at_once", "gone"),
    [
        (0, 0, 9, {2, 3, 4, 6}),
        (0, 3 * HOUR_S - 1, 9, {3, 4}),
        (0, 3 * HOUR_S, 9, {4}),
        (2, 0, 9, {3, 4}),
        (3, 3 * HOUR_S - 1, 9, {4}),
        (4, 0, 9, set()),
        (0, 0, 2, {3, 4}),
    ],
)
def test_what_was_closed_long_ago_and_is_not_among_the_last_goes_the_oldest_first(
    tables, keep_closed, keep_s, at_once, gone
):
    result = run(tables, 12, TrimChangeSets(keep_closed, keep_s, at_once))
    assert (set(result.counts), result.changed) == (gone, len(gone))
    assert kept() == {2, 3, 4, 5, 6} - gone
    assert ChangeSet.objects.get(pk=5).state == "draft"


def test_the_record_names_them_and_their_own_records_stay(tables):
    before = AuditRecord.objects.count()
    run(tables, 12, TrimChangeSets(2, 0, 9))
    record = AuditRecord.objects.get(revision=12)
    assert record.action == "changesets.trim"
    assert record.targets == [{"kind": "change_set", "id": id, "detail": "forgotten"} for id in ("3", "4")]
    run(tables, 13, TrimChangeSets(2, 0, 9))
    assert AuditRecord.objects.count() == before + 1, "of nothing there is no record"


@pytest.fixture
def leading(root, direct, group, settings):
    """This node leads, seven change sets are closed, and two are to be kept."""
    group.view = group_view(leader="n1")
    settings.CHANGE_SETS = {"keep_closed": 2, "keep_days": 0}
    propose = retention.propose
    propose(PutNamespace("shop", ""), "ann")
    ids = [propose(CreateChangeSet("t", "", EDITS), "ann").revision for _ in range(8)]
    for id in ids[:7]:
        propose(WithdrawChangeSet(id, id), "ann")
    return ids


def test_the_leader_s_task_goes_on_until_nothing_is_left(leading, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    tasks.trim()
    assert kept() == set(leading[5:])
    assert AuditRecord.objects.filter(action="changesets.trim", actor=ACTOR).count() == 3


def test_whoever_does_not_lead_proposes_nothing(leading, direct, group):
    before = len(direct.proposed)
    for view in (group_view(), group_view(leader="n1", running=False)):
        group.view = view
        tasks.trim()
    assert len(direct.proposed) == before and kept() == set(leading)


def test_nothing_is_proposed_that_nodes_of_the_release_before_cannot_read(leading, direct, old_group):
    before = len(direct.proposed)
    tasks.trim()
    assert len(direct.proposed) == before and kept() == set(leading)


def test_what_fails_is_for_the_next_time(leading, direct, caplog):
    direct.failure = NoLeader()
    tasks.trim()
    assert kept() == set(leading) and "not forgotten further now" in caplog.text


@pytest.mark.parametrize("rule", [(-1, 1), (1, -1)])
def test_a_rule_that_makes_no_sense_forgets_nothing(leading, rule):
    with pytest.raises(Invalid):
        retention.trim_closed("t", *rule)
    assert kept() == set(leading)


def test_one_that_is_forgotten_is_not_found(leading, api):
    tasks.trim()
    assert api.get(f"changesets/{leading[0]}").status_code == 404
    assert [one["id"] for one in api.get("changesets/").json()["items"]] == leading[:4:-1]
