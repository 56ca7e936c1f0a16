"""What the leader's task does with change sets at their time."""

from datetime import UTC, datetime, timedelta

import pytest

from config_service.accounts import services as accounts
from config_service.accounts.models import Grant, User
from config_service.audit.models import AuditRecord
from config_service.changesets import due, selectors, services, tasks
from config_service.changesets.models import ChangeSet, State
from config_service.entries import services as entries
from config_service.entries import tasks as entries_tasks
from config_service.entries.models import ConfigEntry, EntryRevision
from config_service.entries.schemas.services import put_schema
from consensus.errors import NoLeader
from tests.service.conftest import group_view
from tests.service.drafts import put, values

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def a(shop):
    """What is there to change."""
    entries.put_entry("root", "shop", "a", 1)


@pytest.fixture
def leading(a, group, monkeypatch):
    """This node leads, and the time is a minute from now."""
    group.view = group_view(leader="n1")
    monkeypatch.setattr(tasks, "now", lambda: datetime.now(UTC) + timedelta(minutes=1))


@pytest.fixture
def pia(root):
    """May publish in ``shop``."""
    accounts.change_user("root", None, "pia", {}, "correct horse", "")
    user = User.objects.get(username="pia")
    for verb in ("view", "publish"):
        accounts.put_grant("root", verb, "shop", user=user.pk)
    return user


def scheduled(*wanted, title="t", by="pia"):
    made = services.create("ann", title, list(wanted))
    return services.schedule(by, made, made.digest, datetime.now(UTC) + timedelta(seconds=30))


def state_of(change_set):
    return selectors.get_change_set(change_set.id)


def test_what_is_due_is_published_once_in_the_name_of_who_scheduled_it(leading, pia, direct):
    late, soon = scheduled(put("b", "late")), scheduled(put("a", 2))
    far = services.create("ann", "far", [put("c", 1)])
    far = services.schedule("pia", far, far.digest, LATER)
    tasks.publish_due()
    first = direct.applied
    tasks.publish_due()
    assert direct.applied == first
    assert [state_of(one).state for one in (late, soon, far)] == ["published", "published", "scheduled"]
    assert state_of(late).published_revision < state_of(soon).published_revision
    assert EntryRevision.objects.filter(key="a").count() == 2
    entry = ConfigEntry.objects.get(key="a")
    assert (entry.value, entry.updated_by) == ("2", "pia")
    assert AuditRecord.objects.get(revision=entry.revision).actor == entries_tasks.ACTOR
    assert (state_of(soon).updated_by, state_of(soon).scheduled_by) == (entries_tasks.ACTOR, "pia")


def test_only_the_leader_publishes(a, pia, group, monkeypatch):
    monkeypatch.setattr(tasks, "now", lambda: LATER)
    one = scheduled(put("a", 2))
    tasks.publish_due()
    group.view = group_view(leader="n1", running=False)
    tasks.publish_due()
    assert state_of(one) == one


def test_two_leaders_one_after_the_other_publish_once(leading, pia, direct):
    """The second has seen what the first saw, and proposes the same request."""
    one = scheduled(put("a", 2))
    row = ChangeSet.objects.get(pk=one.id)
    assert [due._publish("system", row), due._publish("system", row)] == [True, True]
    assert EntryRevision.objects.filter(key="a").count() == 2


def test_a_group_without_a_leader_publishes_later(leading, pia, direct):
    one = scheduled(put("a", 2))
    direct.failure = NoLeader(1.0)
    tasks.publish_due()
    assert state_of(one).state == "scheduled"
    tasks.publish_due()
    assert state_of(one).state == "published"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda: entries.put_entry("eve", "shop", "a", 7), "at revision"),
        (lambda: entries.put_namespace("root", "shop", requires_approval=True), "second person"),
        (lambda: put_schema("root", "shop", [{"keys": "**", "schema": False}], force=True), "shop/a"),
        (lambda: accounts.delete_grant("root", Grant.objects.get(verb="publish").pk), "accounts.publish_namespace"),
        (lambda: accounts.delete_user("root", User.objects.get(username="pia").pk), "may not sign in"),
        (lambda: accounts.change_user("root", User.objects.get(username="pia"), "pia", {"is_active": False}, None, ""),
         "may not sign in"),
    ],
    ids=["conflict", "approval", "schema", "permission gone", "user gone", "user switched off"],
)  # fmt: skip
def test_what_cannot_be_published_when_it_is_due_is_rejected_with_the_reason(leading, pia, spoil, reason):
    one, other = scheduled(put("a", 2), put("b", 1)), scheduled(put("other", 1))
    spoil()
    before = values()
    tasks.publish_due()
    rejected = state_of(one)
    assert rejected.state == "rejected" and reason in rejected.reason
    assert values()["shop/a"] == before["shop/a"] and "shop/b" not in values()
    assert AuditRecord.objects.get(revision=rejected.revision).targets[0]["kind"] == "change_set"
    assert state_of(other).state in ("published", "rejected")
    tasks.publish_due()
    assert state_of(one) == rejected


def test_a_change_set_that_was_edited_since_the_task_looked_is_left_alone(leading, pia):
    one = scheduled(put("a", 2))
    row = ChangeSet.objects.get(pk=one.id)
    edited = services.edit("ann", one, "t", [put("a", 3)])
    assert due._publish("system", row) is False
    assert state_of(one) == edited and edited.state == State.DRAFT


def test_one_that_is_published_by_hand_ahead_of_its_time_is_not_published_again(leading, pia, direct):
    one = scheduled(put("a", 2))
    done = services.publish("bob", one, one.digest)
    assert (done.publish_at, done.scheduled_by) == (None, "")
    assert ConfigEntry.objects.get(key="a").updated_by == "bob"
    tasks.publish_due()
    assert direct.applied == done.revision
