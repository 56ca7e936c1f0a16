"""Rules that hold for every input, not only for those somebody thought of."""

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from consensus.paxos import acceptor, proposer
from consensus.paxos.ballot import ZERO, Ballot, Ballots
from consensus.paxos.messages import Accept, Accepted, Prepare, Promise, Record
from consensus.paxos.proposer import Attempt
from consensus.paxos.quorum import Membership, Quorum
from consensus.paxos.register import Register, decode, delete, encode, put
from consensus.paxos.work import Asked, Kind, fold
from tests.paxos.harness import append

ballots = st.builds(Ballot, st.integers(1, 3), st.integers(1, 4), st.sampled_from("AB"))
names = st.sampled_from("ABCDEFG")
groups = st.lists(names, min_size=1, max_size=7, unique=True).map(tuple)
steady = settings(max_examples=150, derandomize=True, deadline=None, database=None)


def value_at(ballot: Ballot) -> bytes:
    """One ballot proposes one value."""
    return str(ballot).encode()


requests = st.one_of(
    ballots.map(lambda ballot: Prepare("x", ballot)),
    ballots.map(lambda ballot: Accept("x", ballot, value_at(ballot))),
)


@steady
@given(st.lists(requests, max_size=30))
def test_whatever_an_acceptor_is_asked_its_word_holds(asked: list[Prepare | Accept]) -> None:
    record = Record()
    promised = ZERO
    for request in asked:
        before = record
        if isinstance(request, Prepare):
            record, reply = acceptor.prepare(record, request)
        else:
            record, reply = acceptor.accept(record, request)
        assert record.promised >= before.promised and record.accepted >= before.accepted
        assert record.promised >= record.accepted
        match reply:
            case Promise():
                assert request.ballot >= promised
                assert (reply.accepted, reply.value) == (before.accepted, before.value)
                promised = request.ballot
            case Accepted():
                assert request.ballot >= promised or request.ballot == before.accepted
                assert record.accepted == request.ballot and record.value == value_at(request.ballot)
                promised = max(promised, request.ballot)
            case _:
                assert record == before and request.ballot < before.promised


@steady
@given(st.lists(st.tuples(names, st.one_of(st.just(ZERO), ballots)), min_size=1, max_size=12))
def test_a_proposer_adopts_the_highest_of_the_first_promise_of_each_acceptor(
    promises: list[tuple[str, Ballot]],
) -> None:
    attempt = Attempt(Ballot(9, 9, "Z"))
    first: dict[str, Ballot] = {}
    for source, accepted in promises:
        value = b"" if accepted == ZERO else value_at(accepted)
        attempt = proposer.on_promise(attempt, source, Promise("x", attempt.ballot, accepted, value, 0))
        first.setdefault(source, accepted)
    highest = max(first.values())
    assert attempt.promised == set(first)
    assert attempt.highest == highest
    assert proposer.decree(attempt, b"own") == (b"own" if highest == ZERO else value_at(highest))


@steady
@given(groups, groups, st.sets(names), st.sets(names))
def test_quorums_of_a_joint_membership_meet_each_other_and_those_of_both_simple_ones(
    old: tuple[str, ...], new: tuple[str, ...], one: set[str], other: set[str]
) -> None:
    joint = Quorum(Membership(2, new, old))
    if joint.reached(one):
        assert Quorum(Membership(1, old)).reached(one) and Quorum(Membership(3, new)).reached(one)
        for quorum in (joint, Quorum(Membership(1, old)), Quorum(Membership(3, new))):
            if quorum.reached(other):
                assert one & other
    assert joint.lost(one) == (not joint.reached(set(old + new) - one))


@steady
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3)), max_size=30), st.integers(1, 5))
def test_no_life_of_a_node_uses_a_ballot_of_another(lives: list[tuple[int, int]], block: int) -> None:
    used: set[Ballot] = set()
    reserved = 0
    for uses, membership in lives:
        life = Ballots("A", reserved, block)
        for _ in range(uses):
            one = life.next(membership)
            assert one not in used and one.round <= life.reserved
            used.add(one)
        reserved = life.reserved


changes = st.lists(
    st.one_of(
        st.builds(put, st.integers(0, 9).map(str), st.binary(max_size=6), st.one_of(st.none(), st.integers(0, 8))),
        st.builds(delete, st.integers(0, 9).map(str), st.one_of(st.none(), st.integers(0, 8))),
        st.integers(0, 9).map(str).map(append),
    ),
    max_size=16,
)


def folded(found: bytes, batch: Iterable[Asked]) -> tuple[bytes, list[object]]:
    result = fold(found, 0, batch, 4)
    return result.value, list(result.outcomes)


@steady
@given(changes, st.integers(0, 16))
def test_changes_give_the_same_whether_they_are_decided_in_one_ballot_or_in_two(changes: list, at: int) -> None:  # type: ignore[type-arg]
    together = folded(b"", [Asked(1, change, 0) for change in changes])
    first, outcomes = folded(b"", [Asked(1, change, 0) for change in changes[:at]])
    second, more = folded(first, [Asked(1, change, 0) for change in changes[at:]])
    assert together == (second, outcomes + more)


@steady
@given(changes)
def test_a_request_id_is_applied_at_most_once_and_a_version_belongs_to_one(changes: list) -> None:  # type: ignore[type-arg]
    result = fold(b"", 0, [Asked(1, change, 0) for change in changes], 4)
    done = [
        (change.request_id, outcome.version)
        for change, outcome, applied in zip(changes, result.outcomes, result.applied, strict=True)
        if applied
    ]
    assert len({request_id for request_id, _ in done}) == len(done)
    assert [version for _, version in done] == list(range(1, len(done) + 1))
    assert all(outcome.kind in (Kind.DONE, Kind.CONFLICT, Kind.TOO_LARGE) for outcome in result.outcomes)
    if result.value:
        stored = decode(result.value)
        assert isinstance(stored, Register) and encode(stored) == result.value and stored.version == len(done)
