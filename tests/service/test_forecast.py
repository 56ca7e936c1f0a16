"""What operators are told before an operation, and while it goes on."""

from dataclasses import replace

import pytest

from consensus import forecast, health, progress
from consensus.group_view import GroupView, NodeView
from consensus.load import Load
from consensus.status import JoiningStatus
from consensus.succession import NEAR


def node(name: str, **changes) -> NodeView:
    made = NodeView(name, "follower", 3, 90, 90, 0, 40, True, "active", f"http://{name}", "", load=Load(2, 1))
    return replace(made, **changes)


def group(*members: NodeView, **changes) -> GroupView:
    """Led by n1, as n2 sees it."""
    voters = [member for member in members if member.voter]
    view = {
        "group": "g", "node": "n2", "leader": "n1", "term": 3, "commit_index": 90, "applied_index": 90,
        "leader_heard_ms": 40, "quorum_size": len(voters) // 2 + 1, "failures_survivable": 1, "running": True,
        "members": members,
    }  # fmt: skip
    return GroupView(**view | changes)


def of(count: int, **away) -> GroupView:
    """``count`` nodes; those named in ``away`` have what is said there changed."""
    return group(*(node(f"n{i}", **away.get(f"n{i}", {})) for i in range(1, count + 1)))


SILENT = {"reachable": False, "heard_ms": 9000, "load": None}


@pytest.mark.parametrize(
    ("view", "nodes", "left", "spare", "leader"),
    [
        (of(3), ["n3"], ("n1", "n2"), 0, "n1"),
        (of(3), ["n1"], ("n2", "n3"), 0, "n3"),
        (of(5), ["n1", "n2"], ("n3", "n4", "n5"), 0, "n5"),
        (of(5, n5={"lag": NEAR + 1}), ["n1"], ("n2", "n3", "n4", "n5"), 1, "n4"),
        (of(5, n5=SILENT), ["n2"], ("n1", "n3", "n4"), 0, "n1"),
    ],
)
def test_a_drain_that_is_safe(view, nodes, left, spare, leader):
    plan = forecast.drain(view, nodes)
    assert plan.refusal == ""
    assert (plan.after.answering, plan.after.spare, plan.after.leader) == (left, spare, leader)
    assert plan.before.spare == view.quorum_size - 1 - (len(plan.before.voters) - len(plan.before.answering))
    assert (plan.watchers, plan.requests) == (2 * len(nodes), len(nodes))
    assert bool(plan.warnings) == (spare == 0)


@pytest.mark.parametrize(
    ("view", "nodes", "said"),
    [
        (of(3), ["n1", "n2"], "draining n1 and n2 would leave 1 active node that answers (n3), fewer than the 2"),
        (of(3, n3=SILENT), ["n2"], "would leave 1 active"),
        (of(3, n3={"state": "drained"}), ["n2"], "would leave 1 active"),
        (of(1), ["n1"], "(none), fewer than the 1"),
        (of(3), ["n9"], "there is no node n9"),
        (of(3), [], "choose a node"),
    ],
)
def test_a_drain_that_is_refused(view, nodes, said):
    assert said in forecast.drain(view, nodes).refusal


def test_what_is_drained_already_may_be_drained_again():
    assert forecast.drain(of(3, n3={"state": "drained"}), ["n3"]).refusal == ""


def test_a_learner_s_drain_costs_no_vote():
    view = group(*(node(f"n{i}") for i in (1, 2)), node("n3", voter=False))
    assert forecast.drain(view, ["n3"]).refusal == "" and forecast.drain(view, ["n3"]).after.spare == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"n3": {"voter": False}}, "learner"),
        ({"n3": SILENT}, "does not answer"),
        ({"n3": {"state": "draining"}}, "undrain it first"),
    ],
)
def test_who_cannot_lead(changed, said):
    assert said in forecast.transfer(of(3, **changed), "n3").refusal


def test_leadership_moves_to_somebody():
    assert forecast.transfer(of(3), "n2").after.leader == "n2"
    assert forecast.transfer(of(3), "").after.leader == "n3"
    assert forecast.transfer(of(3, n3={"lag": NEAR}), "").after.leader == "n3", "what is sent in a moment"
    assert forecast.transfer(of(3, n3={"lag": NEAR + 1}), "").after.leader == "n2"
    assert forecast.transfer(of(3, n2={"lag": 9 * NEAR}, n3={"lag": 9 * NEAR + 1}), "").after.leader == "n2"
    assert "nobody" in forecast.transfer(of(3, n2=SILENT, n3=SILENT), "").refusal
    assert "no node n7" in forecast.transfer(of(3), "n7").refusal


def test_a_node_is_added():
    view = replace(of(3), joining=(JoiningStatus("n4", "redis://n4", "http://n4", 10),))
    plan = forecast.add(view, "n4")
    assert (plan.refusal, plan.after.quorum_size, plan.after.spare) == ("", 3, 1)
    assert "odd number" in plan.warnings[0]
    assert forecast.add(view, "n4", learner=True).after == plan.before
    assert "has not asked" in forecast.add(view, "n5").refusal and forecast.add(view, "").refusal == "choose a node"
    assert "under way" in forecast.add(replace(view, membership_settled=False), "n4").refusal


def test_a_node_is_removed_where_a_majority_of_the_others_answers():
    plan = forecast.remove(of(3), "n1")
    assert (plan.refusal, plan.after.quorum_size, plan.after.spare, plan.after.leader) == ("", 2, 0, "n3")
    assert "never be used again" in plan.warnings[0]
    assert "only 1 answer" in forecast.remove(of(3, n3=SILENT), "n2").refusal
    assert forecast.remove(of(3, n3=SILENT), "n3").refusal == ""
    assert "needs a voter" in forecast.remove(of(1), "n1").refusal
    assert "no node n9" in forecast.remove(of(3), "n9").refusal


def test_a_node_is_rebuilt_by_itself_and_not_while_it_leads():
    assert forecast.rebuild(of(3), "n2").refusal == ""
    assert "ask n3, at http://n3" in forecast.rebuild(of(3), "n3").refusal
    assert "leads" in forecast.rebuild(replace(of(3), node="n1"), "n1").refusal


# --- progress -------------------------------------------------------------------------------------------------------
def undone(steps) -> list[str]:
    return [step.title for step in steps if not step.done]


def test_a_drain_goes_on_step_by_step():
    assert len(undone(progress.drain(of(3), "n1"))) == 4
    begun = of(3, n1={"state": "draining", "load": Load(watchers=3, waiting=2)})
    assert undone(progress.drain(begun, "n1")) == [
        "Leadership is elsewhere", "Watchers were sent to other nodes", "Writes in flight are done", "Drained",
    ]  # fmt: skip
    moved = replace(of(3, n1={"state": "drained", "load": Load(watchers=3)}), leader="n2")
    assert undone(progress.drain(moved, "n1")) == ["Watchers were sent to other nodes"]
    assert undone(progress.drain(replace(of(3, n1={"state": "drained", "load": Load()}), leader="n2"), "n1")) == []
    without_leader = replace(of(3, n1={"state": "drained", "load": Load()}), leader="")
    assert undone(progress.drain(without_leader, "n1")) == ["Leadership is elsewhere"]
    assert "does not answer" in progress.drain(of(3, n3=SILENT | {"state": "draining"}), "n3")[-1].detail


def test_other_operations_go_on_step_by_step():
    assert undone(progress.undrain(of(3, n3={"lag": 4000}), "n3")) == ["It has caught up"]
    assert undone(progress.transfer(of(3), "n2")) == ["n2 leads"] and not undone(progress.transfer(of(3), "n1"))
    assert undone(progress.add(of(3), "n4")) == ["It is a member", "It has caught up", "It votes"]
    coming = of(4, n4={"voter": False, "lag": 7000, "image": (10, 2000)})
    assert "10 of 2,000" in progress.add(coming, "n4")[1].detail
    assert undone(progress.add(of(4, n4={"voter": False}), "n4", learner=True)) == []
    assert undone(progress.add(of(4), "n4")) == []
    assert undone(progress.remove(of(3), "n1")) == [step.title for step in progress.remove(of(3), "n1")]
    assert undone(progress.remove(of(3), "n9")) == []
    assert undone(progress.rebuild(of(3, n2={"halted": "its tables are being rebuilt"}), "n2")) == [
        "Its tables are those of the leader", "It has caught up",
    ]  # fmt: skip
    assert undone(progress.rebuild(of(3), "n2")) == []
    for gone in (progress.drain, progress.undrain, progress.rebuild):
        assert undone(gone(of(3), "n9")) == ["n9 is no member of the group"]


# --- health ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("view", "kind", "said"),
    [
        (of(3), "ok", "Any one node may fail"),
        (of(5), "ok", "Any 2 nodes may fail"),
        (of(5, n4=SILENT), "warn", "n4 does not answer. One more node may fail"),
        (of(3, n3=SILENT), "warn", "n3 does not answer. The next failure stops writing"),
        (group(node("n1")), "warn", "A group of one"),
        (replace(of(3), leader=""), "bad", "marked stale"),
        (replace(of(3), leader_heard_ms=9000), "bad", "marked stale"),
        (replace(of(3), running=False), "bad", "when it last did"),
        (replace(of(3), outside=True), "bad", "waits to be added"),
        (replace(of(3), outside=True, waits_for="n3 is waited for"), "bad", "n3 is waited for."),
    ],
)
def test_health_in_a_sentence(view, kind, said):
    found = health.health(view)
    assert found.kind == kind and said in found.detail


def test_concerns_with_the_worst_first():
    assert health.concerns(of(3), 1000) == []
    joining = (JoiningStatus("n6", "redis://n6", "", 10),)
    view = replace(
        of(5, n2={"lag": 5000}, n3=SILENT, n4={"halted": "version 9"}, n5=SILENT | {"state": "drained"}),
        joining=joining, membership_settled=False, log_entries=2001,
    )  # fmt: skip
    found = health.concerns(view, 1000)
    assert [concern.kind for concern in found] == sorted((c.kind for c in found), key=["bad", "warn", "info"].index)
    assert [concern.title for concern in found] == [
        "n3 does not answer", "n4 has stopped applying", "n2 lags", "The log of n2 is not trimmed",
        "n5 does not answer", "n5 is drained", "n6 asks to join", "The membership is changing",
    ]  # fmt: skip
