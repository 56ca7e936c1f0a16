"""Mistakes in what goes beyond one decree: registers, erasing, reads, membership. Each is a patch that plants it."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as replaced

from consensus.paxos import inquiries, rounds, work
from consensus.paxos.acceptor import Acceptor
from consensus.paxos.ballot import ZERO, Ballot
from consensus.paxos.messages import QueryReply
from consensus.paxos.node import PaxosNode
from consensus.paxos.proposer import Phase
from consensus.paxos.quorum import Quorum


def a_tombstone_dropped_early(patch: pytest.MonkeyPatch) -> None:
    """A majority holds it: that will do."""
    patch.setattr(Quorum, "everybody", Quorum.reached)


def a_register_forgotten_with_its_promise(patch: pytest.MonkeyPatch) -> None:
    """CASPaxos 3.1: erased, the acceptor lets an old accept in again."""

    def drop(self, name):
        self.records.pop(name)
        self.changed[name] = None
        self._idle.pop(name, None)

    patch.setattr(Acceptor, "_drop", drop)


def versions_begin_anew_after_erasing(patch: pytest.MonkeyPatch) -> None:
    """A version names two values."""
    fold = work.fold
    patch.setattr(rounds, "fold", lambda found, floor_version, batch, size: fold(found, 0, batch, size))


def a_read_from_one_acceptor(patch: pytest.MonkeyPatch) -> None:
    """The first answer is as good as any."""

    def first(state, inquiry):
        inquiries._answer(state, inquiry, next(iter(inquiry.replies.values())))

    patch.setattr(inquiries, "_judge", first)


def a_read_of_the_highest_of_a_majority(patch: pytest.MonkeyPatch) -> None:
    """Q07: the newest value that a majority reports, chosen or not, is not written back."""

    def highest(state, inquiry):
        replies = [reply for reply in inquiry.replies.values() if isinstance(reply, QueryReply)]
        if state.quorum.reached(inquiry.replies):
            inquiries._answer(state, inquiry, max(replies, key=lambda reply: reply.accepted))

    patch.setattr(inquiries, "_judge", highest)


def joint_majority_ignored(patch: pytest.MonkeyPatch) -> None:
    """In a joint change only the new voters are asked."""
    init = Quorum.__init__

    def only_new(self, membership):
        init(self, membership)
        self._groups = self._groups[:1]

    patch.setattr(Quorum, "__init__", only_new)


def older_memberships_still_answered(patch: pytest.MonkeyPatch) -> None:
    """Whoever has not heard of the change goes on with the old voters."""
    answer = Acceptor.answer

    def tolerant(self, message):
        self.membership = min(self.membership, message.ballot.membership)
        return answer(self, message)

    patch.setattr(Acceptor, "answer", tolerant)


def ballots_compared_without_the_membership(patch: pytest.MonkeyPatch) -> None:
    """By round and node alone: what the old voters proposed may outrank what the new ones chose."""
    for compare in ("__lt__", "__le__", "__gt__", "__ge__"):
        by_round = getattr(tuple, compare)
        patch.setattr(
            Ballot,
            compare,
            lambda one, other, by_round=by_round: by_round((one.round, one.node), (other.round, other.node)),
        )


def nothing_carried_over(patch: pytest.MonkeyPatch) -> None:
    """The old voters leave with the only copies."""
    patch.setattr(
        PaxosNode,
        "carry_over",
        lambda self, context, name, now_ms: self._state.results.append((context, work.Outcome(work.Kind.DONE))),
    )


def learners_count(patch: pytest.MonkeyPatch) -> None:
    """Everybody who answers is a voter."""
    init = Quorum.__init__

    def all_members(self, membership):
        init(self, membership)
        self._groups = ((frozenset(membership.members), len(membership.voters) // 2 + 1),)

    patch.setattr(Quorum, "__init__", all_members)
    patch.setattr(rounds, "_asked_of", lambda state, round: state.quorum.membership.members)


def request_ids_not_remembered(patch: pytest.MonkeyPatch) -> None:
    """A change whose first outcome was unknown is done again."""
    changed = work.changed
    patch.setattr(work, "changed", lambda *args: replaced(changed(*args), recent=changed(*args).recent[-1:]))


def a_timed_out_accept_is_called_failed(patch: pytest.MonkeyPatch) -> None:
    """Q07: it may still be taken up by anybody."""
    patch.setattr(
        rounds,
        "Kind",
        type("Kind", (), {"DONE": work.Kind.DONE, "UNAVAILABLE": work.Kind.UNAVAILABLE, "UNKNOWN": work.Kind.CONFLICT}),
    )


def a_ballot_proposes_again_after_a_failure(patch: pytest.MonkeyPatch) -> None:
    """CASPaxos 2.2.1: the promise that came with an accept is used twice."""
    fail = rounds._fail

    def stubborn(state, round):
        attempt = round.attempt
        fail(state, round)
        if attempt is not None and attempt.phase is Phase.ACCEPTING:
            state.leases[round.name] = replace(
                attempt, phase=Phase.PREPARING, value=b"", next=ZERO, accepted=frozenset(), refused=frozenset()
            )
            state.acceptor.promised = lambda name: ZERO

    patch.setattr(rounds, "_fail", stubborn)
