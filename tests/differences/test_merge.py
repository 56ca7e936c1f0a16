"""Three versions become one: laws that hold for any values, and what people expect of the usual ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_service.differences.merge import MISSING, THEIRS, UNKNOWN, YOURS, Conflict, merge, merge_texts
from config_service.entries.validation import same_json

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b/~"]) | st.just(1.0)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc/~"), inner, max_size=4),
    max_leaves=12,
)
ANY = VALUES | st.just(MISSING)
TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d", "\n"]), max_size=8).map("".join)


def same(left, right):
    return left is right if MISSING in (left, right) else same_json(left, right)


@given(ANY, ANY)
def test_a_side_that_changed_nothing_gives_way(base, other):
    assert same(merge(base, base, other).value, other)
    assert same(merge(base, other, base).value, other)
    assert not merge(base, base, other).conflicts and not merge(base, other, base).conflicts


@given(ANY, ANY)
def test_the_same_change_on_both_sides_is_no_conflict(base, both):
    merged = merge(base, both, both)
    assert same(merged.value, both) and not merged.conflicts


@given(ANY, ANY, ANY)
@settings(max_examples=400)
def test_who_asks_does_not_matter(base, one, two):
    here, there = merge(base, one, two), merge(base, two, one)
    assert {c.path for c in here.conflicts} == {c.path for c in there.conflicts}
    if not here.conflicts:
        assert same(here.value, there.value)
    mine = merge(base, one, two, {c.path: YOURS for c in here.conflicts}).value
    theirs = merge(base, two, one, {c.path: THEIRS for c in here.conflicts}).value
    assert same(mine, theirs)


def leaves(value, path=()):
    """Every path to something that is no object."""
    if isinstance(value, dict):
        found = {path: "object"}
        for name, item in value.items():
            found |= leaves(item, (*path, name))
        return found
    return {path: value}


@given(VALUES, VALUES, VALUES)
@settings(max_examples=400)
def test_nothing_comes_from_nowhere_and_nothing_unchanged_is_lost(base, theirs, yours):
    merged = leaves(merge(base, theirs, yours).value)
    sides = [leaves(side) for side in (base, theirs, yours)]
    for path, value in merged.items():
        if not isinstance(value, list):
            assert any(path in side and same_json(side[path], value) for side in sides[1:])
    for path, value in sides[0].items():
        if not isinstance(value, list) and all(path in side and same_json(side[path], value) for side in sides[1:]):
            assert path in merged and same_json(merged[path], value)


@given(
    st.dictionaries(st.sampled_from("abcdef"), SCALARS), st.dictionaries(st.sampled_from("abc"), VALUES),
    st.dictionaries(st.sampled_from("def"), VALUES),
)  # fmt: skip
def test_changes_of_different_members_are_both_kept(base, mine, theirs):
    merged = merge(base, base | theirs, base | mine)
    assert not merged.conflicts and same_json(merged.value, base | mine | theirs)


@given(st.lists(SCALARS, max_size=6), st.lists(SCALARS, max_size=3), st.lists(SCALARS, max_size=3))
def test_lists_grow_at_both_ends(middle, before, after):
    kept = ["first", *middle, "last"]
    merged = merge(kept, [*before, *kept], [*kept, *after])
    assert not merged.conflicts and same_json(merged.value, [*before, *kept, *after])


@given(TEXTS, TEXTS, TEXTS)
def test_texts_obey_the_same_laws(base, one, two):
    assert merge_texts(base, base, one).value == one == merge_texts(base, one, base).value
    here, there = merge_texts(base, one, two), merge_texts(base, two, one)
    assert len(here.conflicts) == len(there.conflicts)
    if not here.conflicts:
        assert here.value == there.value
    mine = merge_texts(base, two, one, {c.path: THEIRS for c in there.conflicts})
    assert mine.value == here.value


def test_members_are_merged_by_path():
    base = {"smtp": {"host": "a", "port": 25}, "retries": 3}
    theirs = {"smtp": {"host": "b", "port": 25}, "retries": 5}
    yours = {"smtp": {"host": "a", "port": 587}, "retries": 4}
    merged = merge(base, theirs, yours)
    assert merged.value == {"smtp": {"host": "b", "port": 587}, "retries": 4}
    assert merged.conflicts == [Conflict("/retries", 3, 5, 4)] and merged.taken == ["/smtp/host"]
    assert merge(base, theirs, yours, {"/retries": THEIRS}).value["retries"] == 5


@pytest.mark.parametrize(
    ("base", "theirs", "yours", "path", "value"),
    [
        ({"a": 1}, {}, {"a": 2}, "/a", {"a": 2}),  # removed there, changed here
        ({"a": 1}, {"a": 2}, {}, "/a", {}),
        ({}, {"a": {"x": 1}}, {"a": {"x": 2}}, "/a/x", {"a": {"x": 2}}),  # both added it
        ({"a/b": 1}, {"a/b": 2}, {"a/b": 3}, "/a~1b", {"a/b": 3}),
        ([1, 2], [2, 1], [3, 2], "", [3, 2]),  # moved there, changed here
        ({"a": 1}, {"a": True}, {"a": "1"}, "/a", {"a": "1"}),
        ({"a": []}, {"a": {"b": 1}}, {"a": {"c": 1}}, "/a", {"a": {"c": 1}}),  # no object before: not one change
        (1, MISSING, 2, "", 2),
        (UNKNOWN, {"a": 1}, {"a": 1, "b": 2}, "", {"a": 1, "b": 2}),
    ],
)
def test_what_both_have_changed_is_asked(base, theirs, yours, path, value):
    merged = merge(base, theirs, yours)
    assert [conflict.path for conflict in merged.conflicts] == [path] and merged.value == value


def test_members_keep_the_order_people_gave_them():
    merged = merge({"a": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}, {"c": 1, "a": 1, "d": 1})
    assert list(merged.value) == ["c", "a", "b", "d"]


def test_equal_numbers_and_reordered_members_are_no_change():
    assert not merge({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, {"a": 3, "b": 2}).conflicts


def test_a_text_tells_the_line_of_a_conflict():
    merged = merge_texts("a\nb\nc\n", "a\nB\nc\n", "a\nbb\nc\nd\n")
    assert merged.conflicts == [Conflict("line 2", "b\n", "B\n", "bb\n")] and merged.value == "a\nbb\nc\nd\n"
