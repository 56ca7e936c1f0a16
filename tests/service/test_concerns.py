"""What needs attention besides the nodes: rules without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from config_service.changesets.selectors import ChangeSetSnapshot
from config_service.concerns import MISSED_AFTER, REJECTED_SHOWN, of_change_set, of_snapshots, of_token
from config_service.entries.snapshots import time_text
from consensus.health import Kind

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
MOMENT = timedelta(microseconds=1)


def change_set(**changes) -> ChangeSetSnapshot:
    made = {
        "id": 7, "title": "prices", "comment": "", "author": "ann", "writers": ("ann",), "state": "draft",
        "namespaces": ("shop",), "edit_count": 1, "digest": "d", "revision": 7, "created_at": time_text(NOW),
        "updated_at": time_text(NOW), "updated_by": "ann", "approved_by": "", "approved_at": None,
        "approved_digest": "", "publish_at": None, "scheduled_by": "", "reason": "", "published_revision": None,
    }  # fmt: skip
    return ChangeSetSnapshot(**made | changes)


def told(one: ChangeSetSnapshot, requiring=(), may_approve=False):
    found = of_change_set(one, requiring, may_approve, NOW)
    return found and (found.kind, found.title.removeprefix("Change set “prices” "))


def test_one_that_needs_an_approval_waits_until_it_has_one():
    assert told(change_set()) is None
    assert told(change_set(), ["shop"]) == (Kind.INFO, "waits for approval")
    assert told(change_set(approved_digest="of other edits"), ["shop"]) is not None
    assert told(change_set(state="approved", approved_digest="d"), ["shop"]) is None
    for state in ("published", "withdrawn"):
        assert told(change_set(state=state), ["shop"]) is None


def test_it_is_said_to_whom_it_falls():
    for may, text in ((True, "you can approve it"), (False, "a second person has to approve it")):
        assert of_change_set(change_set(), ["shop"], may, NOW).detail == f"By ann, for shop: {text}."


def test_one_whose_time_has_passed_is_overdue():
    late = {late_by: time_text(NOW - late_by) for late_by in (MISSED_AFTER, MISSED_AFTER + MOMENT)}
    assert told(change_set(state="scheduled", publish_at=late[MISSED_AFTER])) is None
    assert told(change_set(state="scheduled", publish_at=late[MISSED_AFTER + MOMENT])) == (Kind.BAD, "is overdue")
    assert told(change_set(state="published", publish_at=late[MISSED_AFTER + MOMENT])) is None
    # Worse than that nobody has approved it.
    assert told(change_set(state="scheduled", publish_at=late[MISSED_AFTER + MOMENT]), ["shop"])[0] == Kind.BAD


def test_a_rejected_one_is_told_for_a_while_with_its_first_reason():
    rejected = {"state": "rejected", "reason": "shop/a: has moved\nshop/b: too"}
    found = of_change_set(change_set(**rejected, updated_at=time_text(NOW - REJECTED_SHOWN)), [], False, NOW)
    assert (found.kind, found.detail) == (Kind.WARN, "shop/a: has moved")
    assert told(change_set(**rejected, updated_at=time_text(NOW - REJECTED_SHOWN - MOMENT))) is None


@pytest.mark.parametrize(
    ("last", "since", "most", "title", "detail"),
    [
        (None, None, WEEK, None, ""),
        (None, NOW - WEEK, WEEK, None, ""),
        (None, NOW - WEEK - MOMENT, WEEK, "for 7 days", "None is on record, which begins 2026-04-27 11:59Z."),
        (NOW - WEEK, NOW - 9 * WEEK, WEEK, None, ""),
        (NOW - 2 * WEEK, NOW - 9 * WEEK, WEEK, "for 14 days", "The last one was made 2026-04-20 12:00Z."),
        (NOW - WEEK / 7, None, WEEK / 14, "for 1 day", "The last one was made 2026-05-03 12:00Z."),
        (NOW - 2 * WEEK, None, timedelta(0), None, ""),
    ],
)
def test_a_snapshot_that_is_too_old(last, since, most, title, detail):
    found = of_snapshots(last, since, NOW, most)
    if title is None:
        assert found is None
    else:
        assert (found.title, found.detail) == (f"No snapshot of the group {title}", detail)


@pytest.mark.parametrize(("ahead", "when"), [(0.5, "today"), (1.5, "tomorrow"), (3.5, "in 3 days")])
def test_when_a_token_expires(ahead, when):
    assert of_token("ci", "ann", "ab", NOW + timedelta(days=ahead), NOW).title == f"Token ci expires {when}"
