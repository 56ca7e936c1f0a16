"""PreVote and CheckQuorum: scenarios R11 to R14 (T 9.6, 6.2)."""

from consensus.raft.messages import AppendReply, HardState, VoteReply
from consensus.raft.node import Role
from tests.consensus.harness import Driven, Network, acknowledge, append, ask_vote, entries, only


def trio() -> Network:
    names = ("A", "B", "C")
    return Network(*(Driven(name, names) for name in names))


def test_r11_a_node_that_was_cut_off_returns_with_its_term_and_deposes_nobody() -> None:
    network = trio()
    leader = network.elect("A")
    cut = network.nodes["C"]
    for _ in range(10):
        cut.campaign()
    assert cut.node.term == leader.node.term == 1
    network.heartbeat("A")
    network.deliver("C", cut.settle())
    assert leader.node.role is Role.LEADER and cut.node.leader == "A"


def test_r12_a_pre_vote_is_refused_while_the_leader_lives_and_granting_one_changes_nothing() -> None:
    driven = Driven(hard=HardState(1))
    driven.step("A", append(1, (0, 0)))
    driven.now += 499
    assert not only(driven.step("B", ask_vote(2, pre=True))).granted
    before = driven.node._state.election_deadline_ms
    driven.now += 1
    assert only(driven.step("B", ask_vote(2, pre=True))).granted
    assert driven.node._state.election_deadline_ms == before
    assert driven.disk.hard_state == HardState(1)


def test_r12_a_real_vote_is_refused_in_the_lease_unless_the_leader_asked_for_it() -> None:
    driven = Driven(hard=HardState(1))
    driven.step("A", append(1, (0, 0)))
    assert not only(driven.step("B", ask_vote(2))).granted
    assert driven.node.term == 1
    assert only(driven.step("B", ask_vote(2, transfer=True))).granted


def test_r13_a_leader_without_a_majority_steps_down_and_says_so_to_waiting_reads() -> None:
    driven = Driven()
    driven.win()
    acknowledge(driven, "A")
    driven.node.request_read(7, 0)
    driven.settle()
    driven.pass_time(999)
    assert driven.node.role is Role.LEADER
    driven.pass_time(2)
    assert driven.node.role is Role.FOLLOWER and driven.node.leader == ""
    assert driven.reads == [(7, None)]


def test_r13_one_answering_follower_of_two_is_enough() -> None:
    driven = Driven()
    driven.win()
    for _ in range(5):
        driven.now += 900
        acknowledge(driven, "A")
        driven.pass_time(1)
    assert driven.node.role is Role.LEADER


def test_r14_a_higher_term_with_a_shorter_log_does_not_keep_the_group_leaderless() -> None:
    names = ("A", "B", "C")
    long, also_long = (Driven(name, names, HardState(2), entries(1, 2)) for name in ("A", "B"))
    short = Driven("C", names, HardState(7), entries(1))
    network = Network(long, also_long, short)
    for _ in range(4):
        network.elect("A")
        network.heartbeat("A")
    assert long.node.role is Role.LEADER and long.node.term > 7
    assert short.node.leader == "A" and short.log == long.log


def test_a_refusal_of_the_same_term_by_a_majority_ends_the_election() -> None:
    driven = Driven(voters=("S", "A", "B", "C", "D"))
    driven.campaign()
    for peer in ("A", "B", "C"):
        driven.step(peer, VoteReply(0, False, pre=True))
    assert driven.node.role is Role.FOLLOWER
    assert driven.step("A", AppendReply(0, True, 0, 0, 0)) == []
