"""Change sets through their services: every step, every refusal, and the audit trail."""

from datetime import UTC, datetime, timedelta

import pytest

from config_service.audit.models import AuditRecord
from config_service.changesets import selectors, services
from config_service.changesets.differences import differences
from config_service.changesets.drafting import MAX_EDITS, Wanted
from config_service.changesets.models import ChangeSet
from config_service.entries import services as entries
from config_service.entries.models import ConfigEntry, EntryRevision
from config_service.entries.reveal import reveal
from config_service.entries.schemas.services import put_schema
from config_service.errors import (
    ApprovalRequired,
    ChangeSetConflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    SchemaViolation,
    SecondPersonRequired,
    TooLarge,
    TypeMismatch,
    Unprocessable,
    WrongState,
)
from consensus.errors import RequestConflict
from tests.service.drafts import delete, keep, put, values
from tests.service.test_secrets import K1

NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def keys(settings):
    settings.SECRET_KEYS = K1


@pytest.fixture
def shop(root):
    entries.put_namespace("root", "shop")
    entries.put_entry("root", "shop", "a", 1)
    entries.put_entry("root", "shop", "gone", "x")


@pytest.fixture
def guarded(shop):
    entries.put_namespace("root", "shop", requires_approval=True)


@pytest.fixture
def draft(shop):
    return services.create("ann", "prices", [put("a", 2), put("b", "new"), delete("gone")], comment="for May")


def test_a_draft_holds_its_edits_and_changes_nothing(draft, direct):
    assert (draft.id, draft.revision) == (direct.applied, direct.applied)
    assert (draft.state, draft.author, draft.writers, draft.namespaces) == ("draft", "ann", ("ann",), ("shop",))
    first = ConfigEntry.objects.get(key="a").revision
    assert [(e.operation, e.key, e.base_revision, e.value_json, e.type) for e in draft.edits] == [
        ("put", "a", first, "2", "integer"), ("put", "b", 0, '"new"', "string"), ("delete", "gone", first + 1, "", ""),
    ]  # fmt: skip
    assert values() == {"shop/a": "1", "shop/gone": '"x"'}
    assert selectors.get_change_set(draft.id) == draft


def test_it_is_published_as_one_revision(draft, direct):
    done = services.publish("bob", draft, draft.digest)
    assert (done.state, done.published_revision, done.updated_by) == ("published", direct.applied, "bob")
    assert values() == {"shop/a": "2", "shop/b": '"new"'}
    changes = EntryRevision.objects.filter(revision=direct.applied)
    assert {(c.key, c.operation, c.actor) for c in changes} == {
        ("a", "put", "bob"), ("b", "put", "bob"), ("gone", "delete", "bob"),
    }  # fmt: skip
    assert {c.comment for c in changes} == {f"change set {draft.id}: prices"}


@pytest.mark.parametrize(
    "interfere",
    [
        lambda: entries.put_entry("eve", "shop", "a", 7),
        lambda: entries.put_entry("eve", "shop", "b", "first"),
        lambda: entries.delete_entry("eve", "shop", "a"),
        lambda: entries.delete_entry("eve", "shop", "gone"),
        lambda: (entries.delete_entry("eve", "shop", "a"), entries.put_entry("eve", "shop", "a", 1)),
    ],
    ids=["changed", "created", "deleted", "deleted what it deletes", "deleted and made again"],
)
def test_one_edit_that_somebody_was_faster_than_stops_all_of_them(draft, interfere):
    interfere()
    before = values()
    with pytest.raises(ChangeSetConflict) as caught:
        services.publish("bob", draft, draft.digest)
    assert len(caught.value.errors["edits"]) == 1
    assert values() == before
    assert selectors.get_change_set(draft.id) == draft
    with pytest.raises(ChangeSetConflict):
        services.schedule("bob", draft, draft.digest, LATER)


def test_a_namespace_that_is_gone_stops_it(shop):
    entries.put_namespace("root", "other")
    made = services.create("ann", "t", [put("a", 2), put("x", 1, "other")])
    entries.delete_namespace("root", "other")
    with pytest.raises(ChangeSetConflict, match="no namespace 'other'"):
        services.publish("bob", made, made.digest)
    assert differences(made).edits[1].conflicts
    with pytest.raises(NotFound):
        services.create("ann", "t", [put("x", 1, "other")])


def test_the_rules_of_the_namespace_hold_when_it_is_published(draft):
    assert differences(draft).publishable
    put_schema("root", "shop", [{"keys": "b", "schema": {"type": "string", "maxLength": 2}}])
    found = differences(draft)
    assert not found.publishable and [bool(one.violations) for one in found.edits] == [False, True, False]
    with pytest.raises(SchemaViolation, match="shop/b"):
        services.publish("bob", draft, draft.digest)
    assert values()["shop/a"] == "1"


def test_a_namespace_that_wants_approval_changes_by_approved_change_sets_only(guarded):
    with pytest.raises(ApprovalRequired):
        entries.put_entry("root", "shop", "a", 2)
    made = services.create("ann", "t", [put("a", 2)])
    assert differences(made).awaiting_approval == ("shop",)
    for step in (services.publish, lambda *given: services.schedule(*given, LATER)):
        with pytest.raises(ApprovalRequired):
            step("bob", made, made.digest)
    approved = services.approve("bob", made, made.digest)
    assert (approved.state, approved.approved_by, approved.approved_digest) == ("approved", "bob", made.digest)
    assert differences(approved).publishable
    assert services.publish("ann", approved, approved.digest).state == "published"
    assert values()["shop/a"] == "2"


def test_nobody_approves_what_they_wrote_any_of(guarded, root):
    made = services.create("ann", "t", [put("a", 2)])
    edited = services.edit("bob", made, "t", [put("a", 3)])
    assert edited.writers == ("ann", "bob")
    for writer in ("ann", "bob"):
        with pytest.raises(SecondPersonRequired):
            services.approve(writer, edited, edited.digest)
    mine = services.create(root.username, "t", [put("a", 2)])
    with pytest.raises(SecondPersonRequired):
        services.approve(root.username, mine, mine.digest)
    assert services.approve("cid", edited, edited.digest).approved


def test_an_edit_after_approval_needs_a_new_one(guarded):
    made = services.create("ann", "t", [put("a", 2)])
    approved = services.approve("bob", made, made.digest)
    scheduled = services.schedule("bob", approved, approved.digest, LATER)
    edited = services.edit("ann", scheduled, "t", [put("a", 3)])
    assert (edited.state, edited.approved_by, edited.approved_at, edited.approved_digest) == ("draft", "", None, "")
    assert (edited.publish_at, edited.scheduled_by) == (None, "")
    with pytest.raises(ApprovalRequired):
        services.publish("ann", edited, edited.digest)
    with pytest.raises(PreconditionFailed):
        services.approve("bob", edited, made.digest)
    again = services.approve("bob", edited, edited.digest)
    with pytest.raises(WrongState, match="approved by bob"):
        services.approve("cid", again, again.digest)


def test_the_same_edit_on_another_base_is_another_digest(draft):
    entries.put_entry("eve", "shop", "a", 7)
    again = services.edit("ann", draft, "prices", [put("a", 2), keep("b"), keep("gone")])
    assert again.digest != draft.digest
    assert again.edits[1:] == draft.edits[1:]
    renamed = services.edit("ann", again, "other title", [keep("a"), keep("b"), keep("gone")])
    assert (renamed.digest, renamed.title) == (again.digest, "other title")


def test_every_step_is_bound_to_what_was_seen(draft):
    moved = services.edit("ann", draft, "prices", [put("a", 3)])
    steps = [
        lambda: services.edit("ann", draft, "t", [put("a", 4)]),
        lambda: services.approve("bob", draft, draft.digest),
        lambda: services.schedule("bob", draft, draft.digest, LATER),
        lambda: services.publish("bob", draft, draft.digest),
        lambda: services.withdraw("ann", draft),
        lambda: services.publish("bob", moved, draft.digest),
        lambda: services.publish("bob", moved, moved.digest, expected_revision=draft.revision),
    ]
    for step in steps:
        with pytest.raises(PreconditionFailed) as caught:
            step()
        assert caught.value.current_revision == moved.revision
    assert selectors.get_change_set(draft.id) == moved


def test_what_is_closed_stays_as_it_is(draft):
    done = services.publish("bob", draft, draft.digest)
    withdrawn = services.withdraw("ann", services.create("ann", "t", [put("a", 5)]), "not needed")
    assert (withdrawn.state, withdrawn.reason) == ("withdrawn", "not needed")
    for closed in (done, withdrawn):
        for step in (
            lambda one: services.edit("ann", one, "t", [put("a", 4)]),
            lambda one: services.approve("bob", one, one.digest),
            lambda one: services.schedule("bob", one, one.digest, LATER),
            lambda one: services.unschedule("bob", one),
            lambda one: services.publish("bob", one, one.digest),
            lambda one: services.withdraw("ann", one),
        ):
            with pytest.raises(WrongState, match=closed.state):
                step(closed)


def test_a_scheduled_one_can_be_put_off_and_taken_off(guarded):
    made = services.create("ann", "t", [put("a", 2)])
    with pytest.raises(WrongState):
        services.unschedule("bob", made)
    approved = services.approve("bob", made, made.digest)
    scheduled = services.schedule("bob", approved, approved.digest, LATER)
    again = services.schedule("cid", scheduled, scheduled.digest, LATER + timedelta(hours=1))
    assert (again.state, again.scheduled_by) == ("scheduled", "cid")
    assert again.publish_at > scheduled.publish_at
    taken = services.unschedule("bob", again)
    assert (taken.state, taken.publish_at, taken.scheduled_by) == ("approved", None, "")
    entries.put_namespace("root", "shop", requires_approval=False)
    plain = services.create("ann", "t", [put("a", 2)])
    plain = services.unschedule("bob", services.schedule("bob", plain, plain.digest, LATER))
    assert plain.state == "draft"


def test_times_that_cannot_be_meant(draft):
    for at in (NOW - timedelta(seconds=5), NOW + timedelta(days=500)):
        with pytest.raises(Invalid):
            services.schedule("bob", draft, draft.digest, at)


@pytest.mark.parametrize(
    ("wanted", "error", "place"),
    [
        ([], Unprocessable, "edits"),
        ([put("a", 1)] * 2, Unprocessable, r"edits\[1\]"),
        ([put(f"k{n}", 1) for n in range(MAX_EDITS + 1)], Unprocessable, "1 to 512"),
        ([put("a/../b", 1)], Invalid, r"edits\[0\]"),
        ([put("k", 1), put("b", "x", type="integer")], TypeMismatch, r"edits\[1\]"),
        ([put("a", 1, type="odd")], Invalid, r"edits\[0\]"),
        ([put("a", 1, ttl_s=0)], Invalid, r"edits\[0\]"),
        ([put("a", 1, ttl_s=9, expires_at=LATER)], Invalid, "either"),
        ([put("a", 1, comment="\0")], Invalid, r"edits\[0\]"),
        ([delete("none")], Unprocessable, "nothing to delete"),
        ([delete("a", base_revision=1)], PreconditionFailed, "not at 1"),
        ([put("a", 1, base_revision=0)], PreconditionFailed, "not at 0"),
        ([put("none", 1, base_revision=5)], PreconditionFailed, "does not exist"),
        ([keep("a")], Invalid, "no such edit"),
        ([Wanted(operation="burn", namespace="shop", key="a")], Invalid, "put, delete or keep"),
        ([put("a", "x" * 500_000), put("b", "x" * 500_000)], TooLarge, "together"),
    ],
)
def test_edits_that_are_refused(shop, wanted, error, place):
    with pytest.raises(error, match=place):
        services.create("ann", "t", wanted)
    assert not ChangeSet.objects.exists()


def test_titles_and_reasons_are_text(draft):
    for title in ("", "  ", "x" * 201, "\0", "\ud800"):
        with pytest.raises(Invalid):
            services.create("ann", title, [put("a", 1)])
    with pytest.raises(Invalid):
        services.withdraw("ann", draft, "x" * 2001)
    with pytest.raises(NotFound):
        selectors.get_change_set(1)


def test_an_entry_keeps_its_type_where_the_value_fits_it(shop):
    entries.put_entry("root", "shop", "rate", 1.5)
    made = services.create("ann", "t", [put("rate", 2), put("a", "text"), put("c", 1, type="json")])
    assert [edit.type for edit in made.edits] == ["float", "string", "json"]


def test_secrets_are_sealed_and_checked_before(shop, direct):
    entries.put_entry("root", "shop", "pin", "old", type="secret")
    put_schema("root", "shop", [{"keys": "pin", "schema": {"type": "string", "minLength": 6}}], force=True)
    with pytest.raises(SchemaViolation):
        services.create("ann", "t", [put("pin", "short")])
    made = services.create("ann", "t", [put("pin", "hunter22"), put("key", "swordfish", type="secret")])
    assert [edit.type for edit in made.edits] == ["secret", "secret"]
    told = b"".join(direct.proposed) + ChangeSet.objects.get().edits.encode()
    assert b"hunter22" not in told and b"swordfish" not in told
    kept = services.edit("bob", made, "t", [keep("pin"), keep("key")])
    assert kept.digest == made.digest
    services.publish("bob", kept, kept.digest)
    assert [reveal("bob", "shop", key).value_json for key in ("pin", "key")] == ['"hunter22"', '"swordfish"']


def test_time_to_live_counts_from_publishing(shop):
    made = services.create("ann", "t", [put("a", 2, ttl_s=60), put("b", 1, expires_at=LATER)])
    services.publish("bob", made, made.digest)
    found = {entry.key: entry for entry in ConfigEntry.objects.all()}
    assert found["a"].expires_at == found["a"].updated_at + timedelta(seconds=60)
    assert found["b"].expires_at == LATER


def test_the_difference_shows_what_is_there_and_what_was(draft):
    entries.put_entry("eve", "shop", "a", 7)
    a, b, gone = differences(draft).edits
    assert (a.now.value_json, a.base.value_json, a.conflicts, a.objection.current_revision) == (
        "7", "1", True, a.now.revision,
    )  # fmt: skip
    assert (b.now, b.base, b.conflicts) == (None, None, False)
    assert gone.now == gone.base and not gone.conflicts


def test_a_retry_gives_the_first_answer_although_the_change_set_has_moved_on(draft):
    first = services.create("ann", "t", [put("a", 9)], request_id="r1")
    services.publish("bob", draft, draft.digest, request_id="r2")
    assert services.create("ann", "t", [put("a", 9)], request_id="r1").id == first.id
    with pytest.raises(RequestConflict):
        services.create("ann", "t", [put("a", 8)], request_id="r1")
    seen = selectors.get_change_set(draft.id)
    assert services.publish("bob", seen, draft.digest, request_id="r2").state == "published"
    with pytest.raises(WrongState):
        services.publish("bob", seen, draft.digest, request_id="r3")
    assert ChangeSet.objects.count() == 2


def test_lists_are_newest_first_and_filtered(shop):
    entries.put_namespace("root", "other")
    ids = [services.create("ann", f"t{n}", [put("x", n, "other" if n % 2 else "shop")]).id for n in range(5)]
    services.withdraw("ann", selectors.get_change_set(ids[0]))

    def listed(**given):
        found, more = selectors.list_change_sets(**given)
        return [ids.index(one.id) for one in found], more

    assert listed() == ([4, 3, 2, 1, 0], False)
    assert listed(limit=2) == ([4, 3], True)
    assert listed(limit=2, before=ids[2]) == ([1, 0], False)
    assert listed(states=["withdrawn"]) == ([0], False)
    assert listed(namespace="other") == ([3, 1], False)
    assert listed(visible=lambda namespaces: "shop" in namespaces, limit=2) == ([4, 2], True)
    assert selectors.list_change_sets()[0][0].edits == ()


def test_each_step_leaves_a_record(guarded):
    made = services.create("ann", "t", [put("a", 2)])
    made = services.edit("ann", made, "t", [put("a", 3)])
    made = services.approve("bob", made, made.digest)
    made = services.unschedule("bob", services.schedule("bob", made, made.digest, LATER))
    services.publish("cid", made, made.digest)
    services.withdraw("ann", services.create("ann", "t", [put("a", 2)]))
    records = AuditRecord.objects.filter(action__startswith="changesets.").order_by("revision")
    assert [record.action.partition(".")[2] for record in records] == [
        "create", "edit", "approve", "schedule", "unschedule", "publish", "create", "withdraw",
    ]  # fmt: skip
    assert [record.actor for record in records][:6] == ["ann", "ann", "bob", "bob", "bob", "cid"]
