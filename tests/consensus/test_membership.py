"""Joint consensus and learners (R33 to R39; P 6, T 4)."""

import msgspec
import pytest

from consensus.raft import membership as steps
from consensus.raft.messages import (
    AppendReply,
    AppendRequest,
    Entry,
    EntryKind,
    HardState,
    Identity,
    Membership,
    TimeoutNow,
    VoteReply,
)
from consensus.raft.node import ChangeRefused, ProposalRefused, Role
from tests.consensus.harness import Driven, Network, acknowledge, append, appends, ask_vote, entries

OLD = ("S", "A", "B")


def leader(*learners: str, **config) -> Driven:
    """A leader whose no-op is committed and applied, with ``learners`` that have caught up."""
    driven = Driven(membership=Membership(OLD, learners), **config)
    driven.win()
    for peer in ("A", "B", *learners):
        acknowledge(driven, peer)
    return driven


def change(driven: Driven, voters: tuple[str, ...], learners: tuple[str, ...] = ()) -> None:
    driven.node.change_membership(Membership(voters, learners), driven.now)


def membership_entry(index: int, term: int, membership: Membership) -> Entry:
    return Entry(index, term, EntryKind.MEMBERSHIP, steps.encode(membership))


def test_r33_the_voters_change_by_way_of_both_and_the_leader_takes_the_second_step() -> None:
    driven = leader("C")
    change(driven, ("S", "A", "C"))
    driven.settle()
    assert (driven.node.membership.voters, driven.node.membership.outgoing) == (("S", "A", "C"), OLD)
    acknowledge(driven, "A")
    assert (driven.node.membership.voters, driven.node.membership.outgoing) == (("S", "A", "C"), ())
    assert not driven.node.membership_settled
    acknowledge(driven, "C")
    assert driven.node.membership_settled


def test_r33_in_the_joint_phase_commits_need_both_majorities() -> None:
    driven = leader("C", "D")
    change(driven, ("S", "C", "D"))
    driven.settle()
    acknowledge(driven, "A")
    assert driven.node.membership.joint and driven.node.commit_index == 1
    acknowledge(driven, "C")
    assert not driven.node.membership.joint and driven.node.commit_index == 2
    acknowledge(driven, "A")
    acknowledge(driven, "B")
    assert driven.node.commit_index == 2, "the old voters do not count any more"
    acknowledge(driven, "C")
    assert driven.node.commit_index == 3


def test_r33_in_the_joint_phase_elections_need_both_majorities() -> None:
    joint = Membership(("S", "C", "D"), outgoing=OLD)
    driven = Driven(membership=Membership(OLD), hard=HardState(1), log=[membership_entry(1, 1, joint)])
    sent = driven.campaign()
    assert {peer for peer, _ in sent} == {"A", "B", "C", "D"}
    for peer in ("C", "D"):
        driven.step(peer, VoteReply(2, True, pre=True))
    assert driven.node.role is Role.PRE_CANDIDATE, "a majority of the new voters alone"
    driven.step("A", VoteReply(2, True, pre=True))
    assert driven.node.role is Role.CANDIDATE
    for peer in ("A", "B"):
        driven.step(peer, VoteReply(2, True))
    assert driven.node.role is Role.CANDIDATE, "a majority of the old voters alone"
    driven.step("C", VoteReply(2, True))
    assert driven.node.role is Role.LEADER


def test_r33_when_the_leader_dies_in_the_joint_phase_the_next_one_ends_it() -> None:
    names = ("A", "B", "C")
    network = Network(*(Driven(name, membership=Membership(names, ("D",))) for name in names))
    network.nodes["D"] = Driven("D", membership=Membership(names, ("D",)))
    first = network.elect("A")
    first.node.change_membership(Membership(("A", "B", "D")), first.now)
    # The joint entry reaches everybody; the leader dies before it hears so.
    for peer, message in appends(first.settle()).items():
        network.nodes[peer].step("A", message)
    network.cut.add("A")
    for name in ("B", "C", "D"):
        network.nodes[name].now = 2000
    second = network.elect("B")
    assert second.node.role is Role.LEADER
    assert second.node.membership == Membership(("A", "B", "D"), version=2) and second.node.membership_settled
    assert second.node.commit_index == second.node.last_index


def test_r34_a_second_change_waits_for_the_first() -> None:
    driven = leader("C", "D")
    change(driven, ("S", "A", "B", "C"), ("D",))
    driven.settle()
    with pytest.raises(ChangeRefused, match="under way"):
        change(driven, ("S", "A", "B", "D"), ("C",))
    acknowledge(driven, "A")
    acknowledge(driven, "C")
    with pytest.raises(ChangeRefused, match="under way"):
        change(driven, ("S", "A", "B", "C", "D"))
    acknowledge(driven, "A")
    acknowledge(driven, "C")
    change(driven, ("S", "A", "B", "C", "D"))


def test_r35_a_membership_counts_from_the_moment_it_is_in_the_log() -> None:
    driven = Driven()
    driven.step("A", append(1, (0, 0), new=[membership_entry(1, 1, Membership(("S",)))]))
    assert driven.node.membership.voters == ("S",)
    driven.campaign()
    assert driven.node.role is Role.LEADER


def test_r35_when_it_is_truncated_the_earlier_membership_counts_again() -> None:
    driven = Driven()
    driven.step("A", append(1, (0, 0), new=entries(1)))
    driven.step("A", append(1, (1, 1), new=[membership_entry(2, 1, Membership((*OLD, "C", "D"), outgoing=OLD))]))
    assert driven.node.membership.joint
    driven.step("B", append(2, (1, 1), new=entries(2, first=2)))
    assert driven.node.membership == Membership(OLD)
    driven.boot()
    assert driven.node.membership == Membership(OLD)


def test_r35_a_restart_finds_the_membership_in_the_log() -> None:
    driven = Driven()
    driven.step("A", append(1, (0, 0), new=[membership_entry(1, 1, Membership(OLD, ("C",)))]))
    driven.boot()
    assert driven.node.membership.learners == ("C",)


def test_r36_a_leader_that_removes_itself_does_not_count_itself_and_steps_down_when_it_is_committed() -> None:
    driven = leader()
    change(driven, ("A", "B"))
    driven.settle()
    acknowledge(driven, "A")
    assert driven.node.membership.joint and driven.node.commit_index == 1, "of A and B, one is no majority"
    acknowledge(driven, "B")
    assert not driven.node.membership.joint
    assert driven.node.role is Role.LEADER
    acknowledge(driven, "A")
    assert driven.node.role is Role.LEADER
    sent = acknowledge(driven, "B")
    assert driven.node.role is Role.FOLLOWER and driven.node.commit_index == driven.node.last_index
    assert [peer for peer, message in sent if isinstance(message, TimeoutNow)] == ["B"]
    assert driven.campaign() == [], "it belongs to nothing any more"


def test_r37_a_removed_node_cannot_depose_the_leader() -> None:
    driven = leader()
    change(driven, ("S", "A"))
    driven.settle()
    acknowledge(driven, "A")
    acknowledge(driven, "A")
    assert driven.node.membership_settled and driven.node.membership.voters == ("S", "A")
    for term in range(2, 50):
        for pre in (True, False):
            (answer,) = [message for _, message in driven.step("B", ask_vote(term, (9, 9), pre))]
            assert not answer.granted
    assert driven.node.role is Role.LEADER and driven.node.term == 1


def test_who_left_is_served_until_it_knows() -> None:
    driven = leader()
    change(driven, ("S", "A"))
    driven.settle()
    acknowledge(driven, "A")
    assert "B" in appends(acknowledge(driven, "A") + heartbeat(driven))
    acknowledge(driven, "B")
    heartbeat(driven)
    driven.pass_time(1)
    assert "B" not in appends(heartbeat(driven))


def heartbeat(driven: Driven):
    driven.node.tick_heartbeat(driven.now)
    return driven.settle()


def test_r38_a_learner_gets_the_log_but_never_counts_votes_or_campaigns() -> None:
    driven = leader("C")
    driven.propose(b"x")
    acknowledge(driven, "C")
    assert driven.node.commit_index == 1
    learner = Driven("C", membership=Membership(OLD, ("C",)))
    learner.step("A", append(1, (0, 0), new=entries(1)))
    assert learner.log == [1]
    assert learner.campaign() == []
    assert learner.step("A", TimeoutNow(1)) == []


def test_r38_a_promoted_learner_counts_and_campaigns() -> None:
    driven = leader("C")
    change(driven, (*OLD, "C"))
    driven.settle()
    acknowledge(driven, "A")
    acknowledge(driven, "C")
    acknowledge(driven, "A")
    acknowledge(driven, "C")
    driven.propose(b"x")
    acknowledge(driven, "C")
    assert driven.node.commit_index < driven.node.last_index, "two of four are no majority"
    acknowledge(driven, "A")
    assert driven.node.commit_index == driven.node.last_index
    promoted = Driven("C", membership=Membership((*OLD, "C")))
    assert len(promoted.campaign()) == 3


def test_r38_a_learner_that_does_not_know_of_its_promotion_yet_may_grant_a_vote() -> None:
    learner = Driven("C", membership=Membership(OLD, ("C",)))
    (answer,) = [message for _, message in learner.step("A", ask_vote(1))]
    assert answer.granted


def test_a_learner_becomes_no_voter_before_it_has_caught_up() -> None:
    driven = Driven(membership=Membership(OLD, ("C",)), promotion_lag=2)
    driven.win()
    acknowledge(driven, "A")
    for _ in range(5):
        driven.propose(b"x")
        acknowledge(driven, "A")
    acknowledge(driven, "C", match=3)
    with pytest.raises(ChangeRefused, match="caught up"):
        change(driven, (*OLD, "C"))
    acknowledge(driven, "C", match=4)
    change(driven, (*OLD, "C"))


def test_a_stranger_becomes_no_voter_at_once() -> None:
    with pytest.raises(ChangeRefused, match="caught up"):
        change(leader(), (*OLD, "X"))


def test_r39_no_change_before_the_term_has_committed_something() -> None:
    driven = Driven(membership=Membership(OLD, ("C",)))
    driven.win()
    with pytest.raises(ChangeRefused, match="not committed anything in its term"):
        change(driven, OLD)
    acknowledge(driven, "A")
    change(driven, OLD)


def test_a_change_that_would_leave_no_majority_that_answers_is_refused() -> None:
    driven = leader()
    driven.now += 900
    acknowledge(driven, "A")
    driven.now += 900
    acknowledge(driven, "A")
    with pytest.raises(ChangeRefused, match="no majority"):
        change(driven, ("S", "B"))
    change(driven, ("S", "A"))


@pytest.mark.parametrize(
    ("target", "reason"), [(Membership(), "needs a voter"), (Membership(("S", "A"), ("A",)), "either a voter or")]
)
def test_a_membership_that_makes_no_sense_is_refused(target: Membership, reason: str) -> None:
    driven = leader()
    with pytest.raises(ChangeRefused, match=reason):
        driven.node.change_membership(target, driven.now)


def test_only_a_leader_that_hands_nothing_over_changes_the_membership() -> None:
    with pytest.raises(ProposalRefused, match="not leader"):
        change(Driven(), OLD)
    driven = leader()
    driven.node.transfer_leadership("A", driven.now)
    with pytest.raises(ChangeRefused, match="handed over"):
        change(driven, ("S", "A"))


def test_r31_leadership_is_handed_to_no_learner() -> None:
    driven = leader("C")
    assert not driven.node.transfer_leadership("C", driven.now)


def test_r46_a_node_that_knows_of_no_group_gives_no_vote_and_starts_no_election() -> None:
    driven = Driven(voters=())
    for pre in (True, False):
        (answer,) = [message for _, message in driven.step("A", ask_vote(5, (9, 4), pre))]
        assert not answer.granted
    assert driven.disk.hard_state.vote == ""
    assert driven.campaign() == []


def test_a_node_that_is_behind_follows_a_leader_that_its_log_does_not_know_yet() -> None:
    driven = Driven()
    sent = driven.step("N", append(3, (0, 0), new=entries(3)))
    assert sent == [("N", AppendReply(3, True, 1, 0, 0))]


def test_answers_of_strangers_count_for_nothing() -> None:
    driven = Driven()
    driven.campaign()
    for stranger in ("X", "Y", "Z"):
        driven.step(stranger, VoteReply(1, True, pre=True))
    assert driven.node.role is Role.PRE_CANDIDATE


def test_steps_keep_who_is_who() -> None:
    current = Membership(OLD, identities={name: Identity(name.lower(), "") for name in OLD})
    new = Identity("n", "redis://n")
    learner = steps.with_learner(current, "N", new, promised=True, note=b"n")
    assert (learner.learners, learner.promised, learner.identities["N"]) == (("N",), ("N",), new)
    target = steps.with_voter(learner, "N", b"n")
    joint = steps.first_step(learner, target)
    assert joint.joint and set(joint.voters) == {*OLD, "N"} and joint.promised == ()
    smaller = steps.first_step(steps.second_step(joint), steps.without(steps.second_step(joint), "A", b"n"))
    assert "A" in smaller.identities, "it is still asked in the joint phase"
    final = steps.second_step(smaller)
    assert "A" not in final.identities and final.former == ("A",) and not final.joint and final.note == b""
    assert steps.decode(steps.encode(final)) == final
    with pytest.raises(msgspec.DecodeError):
        steps.decode(b"\x01")


def test_a_heartbeat_goes_to_learners_too() -> None:
    driven = leader("C")
    assert set(appends(heartbeat(driven))) == {"A", "B", "C"}
    assert isinstance(appends(heartbeat(driven))["C"], AppendRequest)
