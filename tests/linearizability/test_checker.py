"""The checker: histories that must fail, tricky ones that must pass, and agreement with brute force."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.linearizability.brute_force import is_linearizable
from tests.linearizability.checker import Limits, Verdict, check, decide
from tests.linearizability.history import FAILED, UNKNOWN, Operation
from tests.linearizability.sequential import Generator
from tests.linearizability.shrink import shrink
from tests.linearizability.verify import verify

ABSENT = {"absent": True}


BOTH = [{"op": "write", "key": "x", "value": 2}, {"op": "write", "key": "y", "value": 2}]


class Story:
    """A history in the making, of key "x" unless another is named: ``at`` gives start and end."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def tell(
        self, at: tuple[int, int | None], op: str, arg: dict, result: dict | str, key: str | None = "x"
    ) -> "Story":
        self.operations.append(Operation(len(self.operations), op, key, arg, result, at[0], at[1]))
        return self

    def write(self, start: int, end: int | None, value: int, revision: int | str) -> "Story":
        result = revision if isinstance(revision, str) else {"revision": revision}
        return self.tell((start, end), "write", {"value": value}, result)

    def read(self, start: int, end: int, value: int | None, revision: int = 0) -> "Story":
        return self.tell((start, end), "read", {}, {"value": value, "revision": revision} if value else ABSENT)

    def cas(self, start: int, end: int | None, expected: int, value: int, result: dict | str) -> "Story":
        return self.tell((start, end), "cas", {"expected": expected, "value": value}, result)

    def delete(self, start: int, end: int | None, result: dict | str) -> "Story":
        return self.tell((start, end), "delete", {}, result)

    def put(self, start: int, end: int, key: str, value: int, revision: int) -> "Story":
        return self.tell((start, end), "write", {"value": value}, {"revision": revision}, key)

    def get(self, start: int, end: int, key: str, value: int | None, revision: int = 0) -> "Story":
        return self.tell((start, end), "read", {}, {"value": value, "revision": revision} if value else ABSENT, key)

    def txn(
        self,
        at: tuple[int, int | None],
        result: dict | str,
        compare: dict[str, int] | None = None,
        then: list[dict] | None = None,
        otherwise: list[dict] | None = None,
    ) -> "Story":
        """``compare``: the revision that each key is to be at. Both keys are written unless ``then`` says otherwise."""
        compares = [{"key": key, "revision": revision} for key, revision in (compare or {}).items()]
        arg = {"compare": compares, "then": BOTH if then is None else then, "else": otherwise or []}
        return self.tell(at, "txn", arg, result, None)

    @property
    def verdict(self) -> Verdict:
        return verify(self.operations).verdict


def done(revision: int) -> dict:
    """What a transaction is told that wrote both keys."""
    return {"succeeded": True, "revision": revision, "results": [{"revision": revision}, {"revision": revision}]}


WRONG = {
    "a stale read": Story().write(0, 1, 1, 5).write(2, 3, 2, 6).read(4, 5, 1, 5),
    "a lost update": Story().write(0, 1, 1, 5).write(2, 9, 2, 6).write(3, 8, 3, 7).read(10, 11, 1, 5),
    "a compare-and-set that succeeded twice": Story()
    .write(0, 1, 1, 5)
    .cas(2, 9, 5, 2, {"revision": 6})
    .cas(3, 8, 5, 3, {"revision": 7}),
    "a value never written": Story().write(0, 1, 1, 5).read(2, 3, 7, 6),
    "an acknowledged write that is lost": Story().write(0, 1, 1, 5).read(2, 3, None),
    "an effect after a definite refusal": Story().write(0, 1, 1, 5).write(2, 3, 2, FAILED).read(4, 5, 2, 6),
    "an effect after a mismatch": Story().write(0, 1, 1, 5).cas(2, 3, 4, 2, {"mismatch": 5}).read(4, 5, 2, 6),
    "reads of two processes that go back": Story()
    .write(0, 1, 1, 5)
    .write(2, 20, 2, 6)
    .read(3, 4, 2, 6)
    .read(5, 6, 1, 5),
    "an unknown write that was seen and is gone": Story()
    .write(0, 1, 1, 5)
    .write(2, None, 2, UNKNOWN)
    .read(3, 4, 2, 6)
    .read(5, 6, 1, 5),
    "an unknown write that is seen before it began": Story().read(0, 1, 1, 5).write(2, None, 1, UNKNOWN),
    "a write applied twice": Story()
    .tell((0, 1), "write", {"value": 1}, {"revision": 5, "version": 1})
    .tell((2, 3), "write", {"value": 2}, {"revision": 7, "version": 3}),
    "a delete that found nothing where something was": Story().write(0, 1, 1, 5).delete(2, 3, ABSENT),
    "a delete that two were told of": Story()
    .write(0, 1, 1, 5)
    .delete(2, 3, {"revision": 6})
    .delete(4, 5, {"revision": 7}),
    "a delete at an earlier revision than what it deletes": Story()
    .cas(0, None, 0, 2, UNKNOWN)
    .delete(2, 45, {"revision": 2})
    .read(17, 38, None)
    .cas(42, 53, 1, 3, {"mismatch": 3}),
    "a mismatch that names the expected revision": Story().write(0, 1, 1, 5).cas(2, 3, 5, 2, {"mismatch": 5}),
    "a transaction of which one half is seen": Story().txn((0, 9), done(5)).get(1, 2, "x", 2, 5).get(3, 4, "y", None),
    "a transaction of unknown outcome that left one key as it was": Story()
    .put(0, 1, "x", 1, 5)
    .put(2, 3, "y", 1, 6)
    .txn((4, None), UNKNOWN)
    .get(5, 6, "x", 2, 7)
    .get(7, 8, "y", 1, 6),
    "a transaction of unknown outcome whose two halves have two revisions": Story()
    .txn((0, None), UNKNOWN)
    .get(1, 2, "x", 2, 5)
    .get(3, 4, "y", 2, 6),
    "a transaction of unknown outcome at two revisions, as comparisons tell": Story()
    .txn((0, None), UNKNOWN)
    .cas(1, 2, 9, 3, {"mismatch": 5})
    .tell((3, 4), "cas", {"expected": 9, "value": 3}, {"mismatch": 6}, "y"),
    "a comparison that should have failed": Story()
    .put(0, 1, "x", 1, 5)
    .put(2, 3, "y", 1, 6)
    .txn((4, 5), done(7), {"x": 5, "y": 5}),
    "a comparison that should have failed, since a write came before": Story()
    .put(0, 1, "x", 1, 5)
    .put(2, 3, "x", 3, 6)
    .txn((4, 5), done(7), {"x": 5}),
    "a comparison that should have held": Story()
    .put(0, 1, "x", 1, 5)
    .txn((4, 5), {"succeeded": False, "revision": 7, "results": []}, {"x": 5, "y": 0}),
    "a comparison of an unknown write that fails, and then holds": Story()
    .write(0, None, 1, UNKNOWN)
    .txn((1, 2), {"succeeded": False, "revision": 6, "results": []}, {"x": 0})
    .txn((3, 4), {"succeeded": False, "revision": 7, "results": []}, {"x": 5})
    .cas(5, 6, 5, 4, {"revision": 8}),
    "a refused transaction that is seen": Story().txn((0, 1), FAILED).get(2, 3, "y", 2, 5),
    "the other branch that is seen": Story()
    .txn((0, 1), done(5), otherwise=[{"op": "write", "key": "y", "value": 3}])
    .get(2, 3, "y", 3, 5),
    "two keys at revisions that they never had together": Story()
    .put(0, 1, "x", 1, 5)
    .put(2, 3, "y", 1, 6)
    .txn((4, 5), done(7))
    .txn((3, 9), {"succeeded": True, "revision": 8, "results": []}, {"x": 5, "y": 7}, then=[]),
}

RIGHT = {
    "overlapping writes in either order": Story()
    .write(0, 10, 1, 6)
    .write(1, 9, 2, 5)
    .read(2, 3, 2, 5)
    .read(11, 12, 1, 6),
    "a read that overlaps a write sees the old value": Story().write(0, 1, 1, 5).write(2, 9, 2, 6).read(3, 4, 1, 5),
    "an unknown write that never happens": Story().write(0, 1, 1, 5).write(2, None, 2, UNKNOWN).read(9, 10, 1, 5),
    "an unknown write that shows up late": Story()
    .write(0, 1, 1, 5)
    .write(2, None, 2, UNKNOWN)
    .read(3, 4, 1, 5)
    .write(5, 6, 3, 6)
    .read(7, 8, 3, 6)
    .read(9, 10, 2, 7),
    "an unknown delete that shows up late": Story()
    .write(0, 1, 1, 5)
    .delete(2, None, UNKNOWN)
    .read(3, 4, 1, 5)
    .read(5, 6, None),
    "an unknown compare-and-set that made another one fail": Story()
    .write(0, 1, 1, 5)
    .cas(2, None, 5, 2, UNKNOWN)
    .cas(3, 4, 5, 3, {"mismatch": 6}),
    "a refusal without effect": Story().write(0, 1, 1, 5).write(2, 3, 2, FAILED).read(4, 5, 1, 5),
    "a transaction of unknown outcome that shows up late": Story()
    .put(0, 1, "x", 1, 5)
    .txn((2, None), UNKNOWN)
    .get(3, 4, "x", 1, 5)
    .get(5, 6, "y", None)
    .get(7, 8, "x", 2, 9)
    .get(9, 10, "y", 2, 9),
    "a transaction of unknown outcome whose other branch was done": Story()
    .put(0, 1, "x", 1, 5)
    .txn((2, None), UNKNOWN, {"x": 4}, otherwise=[{"op": "write", "key": "y", "value": 3}])
    .get(5, 6, "x", 1, 5)
    .get(7, 8, "y", 3, 6),
    "a transaction between two reads": Story()
    .txn((0, 9), done(5))
    .get(1, 2, "y", None)
    .get(3, 4, "x", 2, 5)
    .get(5, 6, "y", 2, 5),
    "two keys looked at in one moment": Story()
    .put(0, 1, "x", 1, 5)
    .put(2, 3, "y", 1, 6)
    .txn((4, 8), done(7))
    .txn((4, 9), {"succeeded": True, "revision": 8, "results": []}, {"x": 5, "y": 6}, then=[]),
    "two sessions at the same instant": Story().write(0, 5, 1, 5).read(5, 6, None),
    "a version that counts an unknown write": Story()
    .tell((0, 1), "write", {"value": 1}, {"revision": 5, "version": 1})
    .write(2, None, 9, UNKNOWN)
    .tell((3, 4), "write", {"value": 2}, {"revision": 7, "version": 3}),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused(name: str) -> None:
    assert WRONG[name].verdict is Verdict.NO


@pytest.mark.parametrize("name", RIGHT)
def test_what_can_be_explained_is_accepted(name: str) -> None:
    assert RIGHT[name].verdict is Verdict.YES


@pytest.mark.parametrize("keys", [["x"], ["x", "y", "z"]], ids=["one key", "transactions over three"])
@given(seed=st.integers(0, 2**32), length=st.integers(1, 60))
@settings(max_examples=150, deadline=None)
def test_histories_of_a_sequential_service_always_pass(keys: list[str], seed: int, length: int) -> None:
    history = Generator(Random(seed), keys).history(length)
    report = verify(history)
    assert report.verdict is Verdict.YES, report.explain()


def _asked(operation: Operation) -> list[str]:
    """What it was and did: those of whom that is the same get answers of the same form."""
    if operation.op != "txn" or not isinstance(operation.result, dict):
        return [operation.op]
    branch = "then" if operation.result["succeeded"] else "else"
    return [operation.op, branch, *(part["op"] for part in operation.arg[branch])]


def _spoiled(history: list[Operation], random: Random) -> list[Operation]:
    """One thing in it is changed, which may make it wrong."""
    spoiled = list(history)
    i = random.randrange(len(spoiled))
    one = spoiled[i]
    match random.randrange(7):
        case 0:  # an answer that another operation got
            same = [other.result for other in spoiled if other.known and _asked(other) == _asked(one)]
            if one.known and same:
                spoiled[i] = msgspec.structs.replace(one, result=random.choice(same))
        case 1 if one.end_ns is not None:  # it happened earlier
            start_ns = one.start_ns - random.randint(1, 80)
            end_ns = random.randint(start_ns, one.end_ns)
            spoiled[i] = msgspec.structs.replace(one, start_ns=start_ns, end_ns=end_ns)
        case 2:  # it never happened
            spoiled.remove(one)
        case 3 if isinstance(one.result, dict) and "version" in one.result:  # it was counted wrongly
            spoiled[i] = msgspec.structs.replace(one, result=one.result | {"version": random.randint(1, 3)})
        case 4 if one.known:  # nobody heard the answer
            spoiled[i] = msgspec.structs.replace(one, result=UNKNOWN, end_ns=None)
        case 5 if one.op == "txn" and one.arg["compare"]:  # it compared with something else
            compare = [part | {"revision": random.randint(0, 6)} for part in one.arg["compare"]]
            spoiled[i] = msgspec.structs.replace(one, arg=one.arg | {"compare": compare})
        case 6 if one.op == "txn" and one.arg["then"]:  # it is torn: one part of it was never asked for
            then = random.randrange(len(one.arg["then"]))
            arg = one.arg | {"then": [part for n, part in enumerate(one.arg["then"]) if n != then]}
            told = one.result
            if isinstance(told, dict) and told["succeeded"]:
                told = told | {"results": [part for n, part in enumerate(told["results"]) if n != then]}
            if arg["compare"] or arg["then"]:
                spoiled[i] = msgspec.structs.replace(one, arg=arg, result=told)
    return sorted(spoiled, key=lambda operation: operation.start_ns)


@given(seed=st.integers(0, 2**32), length=st.integers(2, 6), changes=st.integers(1, 3), keys=st.integers(1, 2))
@settings(max_examples=400, deadline=None)
def test_the_verdict_is_that_of_brute_force(seed: int, length: int, changes: int, keys: int) -> None:
    random = Random(seed)
    history = Generator(random, ["x", "y"][:keys], spread=25, unknown=0.25).history(length)
    for _ in range(changes):
        if len(history) > 1:
            history = _spoiled(history, random)
    names = sorted({key for operation in history for key in operation.touches()})
    verdict, account = decide(history, names), "\n".join(map(str, history))
    if is_linearizable(history):
        assert verdict is Verdict.YES, account
    elif not is_linearizable(history, ordered=False):
        assert verdict is Verdict.NO, account
    # Else real time allows an order, and only the revisions do not: then the checker finds most, and `orders` others.


def test_ten_thousand_operations_over_dozens_of_keys_are_decided() -> None:
    history = Generator(Random(1), [f"k{i}" for i in range(40)], spread=400, unknown=0.02).history(10_000)
    single = [operation for operation in history if operation.op != "txn"]
    # Without its transactions the history is that of 40 keys, and wrong: what they wrote is read.
    parts = check(history)
    assert {part.verdict for part in parts} == {Verdict.YES} and len(parts) == 14
    assert sum(len(part.operations) for part in parts) == 10_000
    assert Verdict.NO in {part.verdict for part in check(single)}


def test_a_search_that_may_not_grow_says_that_it_could_not_decide() -> None:
    history = Generator(Random(2), ["x"], spread=400, unknown=0.3).history(200)
    assert decide(history, ["x"], Limits(configurations=10)) is Verdict.UNDECIDED
    assert decide(history, ["x"], Limits(seconds=-1)) is Verdict.UNDECIDED


def test_a_failure_is_cut_down_to_what_shows_it() -> None:
    history = Generator(Random(3), ["x"], spread=60, unknown=0.05).history(400)
    assert decide(history, ["x"]) is Verdict.YES
    old = next(one for one in history if one.op == "read" and "value" in one.result)
    late = next(one for one in reversed(history) if one.op == "read" and one.start_ns > history[300].start_ns)
    history[history.index(late)] = msgspec.structs.replace(late, result=old.result)
    small = shrink(history)
    assert decide(small, ["x"]) is Verdict.NO and len(small) <= 5, small
    assert any(one.process == late.process for one in small)
    report = verify(history)
    assert report.verdict is Verdict.NO and f"p{late.process}" in report.explain()
