"""Who is right where nodes' tables differ, and who says so."""

from consensus.verification import KEPT, TOLD_TIMES, Verification
from consensus.wire import TableDigest, TablesDigest

GOOD, BAD, WORSE = b"good", b"bad", b"worse"


def digest(content: bytes, index: int = 7, layout: bytes = b"one") -> TablesDigest:
    return TablesDigest(index, layout, (TableDigest("users", b"same"), TableDigest("entries", content)))


def node(*others: str, name: str = "n1") -> Verification:
    voters = {name, *others}
    return Verification(name, lambda nodes: 2 * len(voters & {*nodes}) > len(voters), lambda: voters, "")


def told_out(one: Verification) -> None:
    for _ in range(TOLD_TIMES):
        assert one.to_tell() is not None
    assert one.to_tell() is None


def test_a_node_that_differs_from_a_majority_has_diverged_and_names_the_table() -> None:
    one = node("n2", "n3")
    assert one.took(digest(BAD)) == "" and one.heard("n2", digest(GOOD)) == ""
    assert one.heard("n3", digest(GOOD)) == "at 7 its tables differ from those of n2, n3 in entries"


def test_what_the_others_had_may_be_heard_before_its_own_is_made() -> None:
    one = node("n2", "n3")
    assert one.heard("n2", digest(GOOD)) == one.heard("n3", digest(GOOD)) == ""
    assert one.took(digest(BAD)) != ""


def test_a_node_that_agrees_with_a_majority_is_verified_though_another_differs() -> None:
    one = node("n2", "n3")
    one.took(digest(GOOD))
    assert one.verified_index == 0
    one.heard("n2", digest(GOOD))
    one.heard("n3", digest(BAD))
    assert (one.verified_index, one.disputed_index) == (7, 0)


def test_a_minority_decides_nothing() -> None:
    one = node("n2", "n3", "n4", "n5")
    one.took(digest(BAD))
    assert one.heard("n2", digest(GOOD)) == one.heard("n3", digest(GOOD)) == ""
    assert one.disputed_index == 0, "the others may still be heard of"


def test_digests_of_other_indexes_are_not_compared() -> None:
    one = node("n2", "n3")
    one.took(digest(BAD))
    assert one.heard("n2", digest(GOOD, 6)) == one.heard("n3", digest(GOOD, 8)) == ""
    assert one.verified_index == one.disputed_index == 0


def test_digests_of_other_migrations_are_not_compared() -> None:
    one = node("n2", "n3")
    one.took(digest(BAD))
    assert one.heard("n2", digest(GOOD, layout=b"two")) == one.heard("n3", digest(GOOD, layout=b"two")) == ""


def test_a_node_that_needs_longer_than_the_others_is_compared_all_the_same() -> None:
    one = node("n2", "n3")
    for index in range(7, 7 + KEPT):
        one.heard("n2", digest(GOOD, index))
        one.heard("n3", digest(GOOD, index))
    assert one.took(digest(BAD, 7)) != ""


def test_what_was_heard_of_others_is_bounded() -> None:
    one = node("n2", "n3")
    for index in range(7, 7 + KEPT + 1):
        one.heard("n2", digest(GOOD, index))
        one.heard("n3", digest(GOOD, index))
    assert one.took(digest(BAD, 7)) == "" and one.took(digest(BAD, 8)) != ""


def test_a_late_copy_of_an_older_digest_changes_nothing() -> None:
    one = node("n2", "n3")
    one.took(digest(BAD, 8))
    one.heard("n2", digest(GOOD, 8))
    one.heard("n2", digest(GOOD, 7))
    assert one.heard("n3", digest(GOOD, 8)) != ""


def test_where_no_majority_agrees_nobody_is_wrong_and_it_is_said() -> None:
    one = node("n2", "n3")
    one.took(digest(BAD))
    one.heard("n2", digest(GOOD))
    assert one.disputed_index == 0
    assert one.heard("n3", digest(WORSE)) == ""
    assert one.disputed_index == 7


def test_a_difference_that_a_silent_node_could_decide_is_disputed_when_it_stays_silent() -> None:
    one = node("n2", "n3")
    one.took(digest(BAD))
    one.heard("n2", digest(GOOD))
    told_out(one)
    assert one.disputed_index == 7
    one.took(digest(GOOD, 9))
    one.heard("n2", digest(GOOD, 9))
    assert (one.verified_index, one.disputed_index) == (9, 0)


def test_a_learner_can_be_wrong_but_not_decide() -> None:
    learner = Verification("l1", lambda nodes: 2 * len({"n1", "n2"} & {*nodes}) > 2, lambda: {"n1", "n2", "l1"}, "")
    learner.took(digest(BAD))
    assert learner.heard("n1", digest(GOOD)) == ""
    assert learner.heard("n2", digest(GOOD)) != ""


def test_a_group_of_one_agrees_with_itself() -> None:
    one = node()
    assert one.took(digest(GOOD)) == "" and one.verified_index == 7


def test_replaced_tables_have_nothing_held_against_them() -> None:
    one = node("n2", "n3")
    one.took(digest(BAD))
    one.heard("n2", digest(GOOD))
    one.diverged = one.heard("n3", digest(GOOD))
    one.replaced()
    assert one.diverged == "" and one.to_tell() is None
    assert one.heard("n2", digest(GOOD)) == ""
