"""What callers are told (N08, N09, R44): success, refusal and not knowing are never mixed up."""

from consensus.fingerprints import fingerprint
from consensus.pending import PendingProposals, PendingReads, Waiter
from consensus.ports import Outcome
from consensus.requests import Answer, ProposeRequest
from consensus.wire import PROPOSAL_VERSION, Proposal, encode


class Told:
    def __init__(self) -> None:
        self.answers: list[Answer] = []

    def __call__(self, reply_to: str, answer: Answer) -> None:
        self.answers.append(answer)

    @property
    def statuses(self) -> list[tuple[int, str]]:
        return [(answer.token, answer.status) for answer in self.answers]


def request(token: int, request_id: str = "r", content: bytes = b"x", at: bytes = b"") -> ProposeRequest:
    data = encode(Proposal(PROPOSAL_VERSION, request_id, fingerprint(content), content + at))
    return ProposeRequest("me", token, 1000, request_id, 1, data)


def outcome(content: bytes = b"x", conflict: bool = False) -> Outcome:
    return Outcome(7, "r", fingerprint(content), b"done", conflict)


def pending() -> tuple[PendingProposals, Told]:
    told = Told()
    return PendingProposals(told), told


def test_never_sent_is_refused_for_certain() -> None:
    proposals, told = pending()
    proposals.add(request(1), 0)
    proposals.tick(1000, 500, "n1")
    assert told.statuses == [(1, "no_leader")] and len(proposals) == 0


def test_sent_and_out_of_time_is_unknown() -> None:
    proposals, told = pending()
    proposals.add(request(1), 0)
    proposals.sent(proposals.take_queue(), "n2", 0)
    proposals.tick(1000, 500, "n1")
    assert told.statuses == [(1, "unknown")]


def test_n09_a_refusal_by_another_node_proves_nothing_since_the_first_copy_may_have_been_taken() -> None:
    proposals, told = pending()
    proposals.add(request(1), 0)
    proposals.sent(proposals.take_queue(), "n2", 0)
    proposals.refused(["r"], "overloaded")
    proposals.tick(1000, 500, "n1")
    assert told.statuses == [(1, "unknown")]


def test_overload_here_is_told_at_once() -> None:
    proposals, told = pending()
    proposals.add(request(1), 0)
    proposals.take_queue()
    proposals.refused(["r"], "overloaded")
    assert told.statuses == [(1, "overloaded")]


def test_everything_is_sent_again_to_a_new_leader() -> None:
    proposals, _ = pending()
    proposals.add(request(1), 0)
    proposals.sent(proposals.take_queue(), "n2", 0)
    assert proposals.take_queue() == []
    proposals.leader_changed()
    assert [proposal.request_id for proposal in proposals.take_queue()] == ["r"]


def test_what_may_be_lost_on_the_way_is_sent_again_but_not_what_stands_in_the_own_log() -> None:
    proposals, _ = pending()
    proposals.add(request(1), 0)
    proposals.sent(proposals.take_queue(), "n2", 0)
    proposals.tick(501, 500, "n1")
    assert len(proposals.take_queue()) == 1
    proposals.sent([proposals._pending["r"].proposal], "n1", 501)
    proposals.tick(999, 100, "n1")
    assert proposals.take_queue() == []


def test_r44_callers_with_one_request_share_its_answer() -> None:
    proposals, told = pending()
    proposals.add(request(1, at=b"1"), 0)
    proposals.add(request(2, at=b"2"), 0)
    proposals.applied(outcome())
    assert told.statuses == [(1, "ok"), (2, "ok")] and told.answers[0].result == b"done"


def test_another_command_under_the_same_id_is_a_conflict_at_once() -> None:
    proposals, told = pending()
    proposals.add(request(1), 0)
    proposals.add(request(2, content=b"y"), 0)
    assert told.statuses == [(2, "conflict")]


def test_a_late_retry_of_another_command_answers_nobody() -> None:
    """A retry that went through another node is applied while this node waits for a reuse of its id."""
    proposals, told = pending()
    proposals.add(request(1, content=b"y"), 0)
    proposals.applied(outcome(b"x"))
    assert told.answers == []
    proposals.applied(outcome(b"y", conflict=True))
    assert told.statuses == [(1, "conflict")]


def test_reads_travel_in_batches_and_wait_until_they_are_applied() -> None:
    told = Told()
    reads = PendingReads(told, context=100)
    reads.waiting += [Waiter("me", 1, 1000), Waiter("me", 2, 1000)]
    assert reads.next_batch(0) == 101
    reads.waiting.append(Waiter("me", 3, 1000))
    assert reads.next_batch(0) is None
    reads.confirmed(100, 5)
    assert told.answers == [] and reads.in_flight, "an answer to an earlier question answers nothing"
    reads.confirmed(101, 5)
    reads.applied(4)
    assert told.answers == []
    reads.applied(6)
    assert told.statuses == [(1, "ok"), (2, "ok")]
    assert reads.next_batch(0) == 102


def test_reads_are_asked_again_when_nobody_leads_and_end_at_their_deadline() -> None:
    told = Told()
    reads = PendingReads(told)
    reads.waiting.append(Waiter("me", 1, 1000))
    reads.confirmed(reads.next_batch(0) or 0, None)
    assert reads.next_batch(0) is not None
    reads.wait_for(99, Waiter("me", 2, 1000))
    reads.tick(1000, 5000)
    assert sorted(told.statuses) == [(1, "no_leader"), (2, "deadline")]
