"""Several entries at once: all or nothing, and only as they were shown."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from config_service.audit.models import AuditRecord
from config_service.entries import bulk, selectors, services
from config_service.entries.models import ConfigEntry
from config_service.errors import Invalid, NotFound, PreconditionFailed, Unprocessable
from config_service.sealing.keys import new_key


@pytest.fixture(autouse=True)
def namespaces(direct):
    services.put_namespace("t", "shop")
    services.put_namespace("t", "test")


def put(key, value=1, namespace="shop", **more):
    return services.put_entry("t", namespace, key, value, **more).entry


def all_entries():
    rows = ConfigEntry.objects.values_list("namespace_id", "key", "value")
    return {f"{namespace}/{key}": value for namespace, key, value in rows}


def test_a_delete_is_one_revision(direct):
    plan = bulk.plan(bulk.DELETE, [put("b"), put("a")])
    assert [item.entry.key for item in plan.items] == ["a", "b"] and plan.sound and plan.written == ["shop"]
    before = len(direct.proposed)
    bulk.perform("ann", plan)
    assert all_entries() == {} and len(direct.proposed) == before + 1


def test_a_copy_keeps_type_comment_and_expiry():
    until = datetime.now(UTC) + timedelta(hours=1)
    entry = put("a", 1, type="float", comment="why", expires_at=until)
    plan = bulk.plan(bulk.COPY, [entry, put("b")], "test", "old/")
    assert plan.written == ["test"]
    bulk.perform("ann", plan)
    copy = selectors.get_entry("test", "old/a")
    assert (copy.value_json, copy.type, copy.comment, copy.updated_by) == ("1", "float", "why", "ann")
    assert abs(datetime.fromisoformat(copy.expires_at) - until) < timedelta(seconds=2)
    assert selectors.get_entry("test", "old/b").comment == "copied from shop/b"
    assert "shop/a" in all_entries()


def test_a_move_takes_them_away():
    bulk.perform("ann", bulk.plan(bulk.MOVE, [put("a", "x")], "test"))
    assert all_entries() == {"test/a": '"x"'}


def test_what_changed_meanwhile_stops_all_of_it():
    plan = bulk.plan(bulk.MOVE, [put("a"), put("b")], "test")
    put("b", 2)
    with pytest.raises(PreconditionFailed):
        bulk.perform("ann", plan)
    assert all_entries() == {"shop/a": "1", "shop/b": "2"}
    plan = bulk.plan(bulk.COPY, [selectors.get_entry("shop", "a")], "test")
    put("a", 7, "test")
    with pytest.raises(PreconditionFailed):
        bulk.perform("ann", plan, overwrite=True)
    assert all_entries()["test/a"] == "7"


def test_what_was_shown_is_compared_with_what_is():
    shown = [item.seen for item in bulk.plan(bulk.COPY, [put("a"), put("b"), put("c"), put("d")], "test").items]
    put("a", 2)
    put("b", 5, "test")
    services.delete_entry("t", "shop", "c")
    left = [selectors.get_entry("shop", key) for key in "abd"]
    told = bulk.changed_since(shown, bulk.plan(bulk.COPY, left, "test"))
    assert len(told) == 3
    assert "shop/a is at revision" in told[0] and "shop/b would go to" in told[1] and told[2] == "shop/c is gone"


def test_nothing_is_replaced_unless_asked():
    put("a", 7, "test")
    plan = bulk.plan(bulk.COPY, [put("a"), put("b")], "test")
    assert plan.replaced == 1
    with pytest.raises(Unprocessable, match="would be replaced"):
        bulk.perform("ann", plan)
    bulk.perform("ann", plan, overwrite=True)
    assert all_entries()["test/a"] == "1"


def test_what_cannot_be_is_said_in_the_plan():
    entries = [put("a"), put("a", namespace="test"), put("k" * 510)]
    problems = [item.problem for item in bulk.plan(bulk.COPY, entries, "test", "x").items]
    assert "two of the chosen" in problems[0] and "two of the chosen" in problems[2]
    assert bulk.plan(bulk.COPY, entries[2:], "test", "old/").items[0].problem == "a key has 1 to 512 characters"
    plan = bulk.plan(bulk.COPY, entries[1:2], "test")
    assert plan.items[0].problem == "it is there already"
    with pytest.raises(Unprocessable, match="already"):
        bulk.perform("ann", plan, overwrite=True)
    with pytest.raises(NotFound):
        bulk.plan(bulk.COPY, entries, "none")
    with pytest.raises(Invalid):
        bulk.plan(bulk.COPY, entries, "test", "a b")


def test_too_many_are_refused(monkeypatch):
    monkeypatch.setattr(bulk, "MAX_OPERATIONS", 3)
    entries = [put(key) for key in "ab"]
    assert bulk.plan(bulk.DELETE, entries).sound
    plan = bulk.plan(bulk.MOVE, entries, "test")
    assert "at most 1" in plan.too_many and not plan.sound
    with pytest.raises(Unprocessable):
        bulk.perform("ann", plan)


def test_a_copied_secret_is_opened_on_record_and_sealed_anew(settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    entry = put("token", "hush", type="secret")
    plan = bulk.plan(bulk.COPY, [entry], "test")
    assert plan.secrets == list(plan.items)
    bulk.perform("ann", plan)
    copy = selectors.get_entry("test", "token")
    assert copy.type == "secret" and "hush" not in copy.value_json and copy.value_json != entry.value_json
    assert "reveal" in AuditRecord.objects.order_by("-revision")[1].action
    assert json.loads(bulk.reveal("ann", "test", "token").value_json) == "hush"


def test_a_namespace_is_reverted_only_as_it_was_shown():
    start = put("a", 1).revision
    seen = put("b", 2).revision
    put("c", 3, "test")
    assert services.revert_namespace("ann", "shop", start, seen).changed == 1
    assert all_entries() == {"shop/a": "1", "test/c": "3"}
    seen = selectors.applied_revision()
    put("a", 9)
    with pytest.raises(PreconditionFailed, match="after what you were shown"):
        services.revert_namespace("ann", "shop", start, seen)
    assert all_entries()["shop/a"] == "9"
