"""Two values side by side."""

import json

from hypothesis import given
from hypothesis import strategies as st

from config_service.differences.documents import HIDDEN, comparable, readable
from config_service.differences.lines import ADDED, CHANGED, GAP, MOST_LINES, MOST_ROWS, REMOVED, SAME, compare
from config_service.differences.paths import MOST, PathChange, path_changes

TEXTS = st.lists(st.sampled_from(["a", "bb", "a bb", "", "{", "long line of words"]), max_size=12).map("\n".join)


def told(pieces):
    return "".join(piece.text for piece in pieces)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_the_rows(old, new):
    rows = compare(old, new, context=100).rows
    assert "\n".join(told(row.old) for row in rows if row.old is not None) == old
    assert "\n".join(told(row.new) for row in rows if row.new is not None) == new
    numbers = [row.old_number for row in rows if row.old is not None]
    assert numbers == list(range(1, len(numbers) + 1))


@given(TEXTS, TEXTS)
def test_it_is_the_same_only_if_it_is(old, new):
    assert compare(old, new).same == (old == new)


def test_what_changed_within_a_line_is_marked():
    (row,) = compare('"port": 25,', '"port": 587,').rows
    assert row.kind == CHANGED
    assert [piece.text for piece in row.old if piece.changed] == ["25"]
    assert [piece.text for piece in row.new if piece.changed] == ["587"]


def test_lines_with_nothing_in_common_stand_apart():
    assert sorted(row.kind for row in compare("apples\npears", "1, 2").rows) == [ADDED, REMOVED, REMOVED]


def test_two_lines_that_stand_for_each_other_share_a_row():
    (row,) = compare("10", "20").rows
    assert row.kind == CHANGED and row.old[0].changed and row.new[0].changed


def test_long_stretches_are_left_out():
    old = "\n".join(str(n) for n in range(50))
    rows = compare(old, old.replace("\n25\n", "\n2x\n")).rows
    assert (rows[0].kind, rows[0].skipped) == (GAP, 22) and (rows[-1].kind, rows[-1].skipped) == (GAP, 21)
    assert sum(row.kind == SAME for row in rows) == 6


def test_what_came_or_went_is_all_added_or_removed():
    assert (compare(None, "a\nb").added, compare("a\nb", None).removed) == (2, 2)
    assert compare(None, "").added == 1


def test_a_long_text_is_one_block():
    old = "\n".join(f"a {n}" for n in range(MOST_LINES + 1))
    compared = compare(old, old.replace("a", "b"))
    assert len(compared.rows) == MOST_ROWS and compared.left_out > 0 and compared.added == MOST_LINES + 1


def test_moving_members_changes_nothing():
    old, new = comparable("json", '{"b":1,"a":{"y":1,"x":2}}', "json", '{"a":{"x":2,"y":1},"b":1}')
    assert old == new == json.dumps({"a": {"x": 2, "y": 1}, "b": 1}, indent=2)


def test_strings_are_shown_as_they_are_and_secrets_never():
    assert readable("string", '"a\\nb"') == "a\nb" and readable("integer", "1") == "1"
    assert readable("secret", '{"sealed":1}') == HIDDEN
    assert comparable("secret", '{"sealed":1}', "string", '"x"') == (HIDDEN, "x")


def test_changes_are_told_by_path():
    old = {"a": 1, "b": {"c": [1, 2], "d": [1]}, "gone": None}
    new = {"new": 1, "a": 1.0, "b": {"c": [1, 3], "d": []}}
    told = [(change.path, change.kind) for change in path_changes(old, new)]
    assert told == [("/new", "added"), ("/b/c/1", "changed"), ("/b/d", "changed"), ("/gone", "removed")]
    assert path_changes(1, 2) == [PathChange("", 1, 2)] and not path_changes(new, new)
    assert len(path_changes(dict.fromkeys(map(str, range(MOST + 9)), 1), {})) == MOST
