"""What `localgroup status` makes of what the nodes say."""

from config_service.localgroup.status import _row


def view(term: int, **roles: str) -> dict:
    members = [
        {"node": node, "role": role, "term": term, "commit_index": 7, "applied_index": 7, "state": "active"}
        for node, role in roles.items()
    ]
    return {"term": term, "members": members}


def test_a_node_that_was_taken_out_is_not_shown_by_what_was_true_then():
    views = {"n1": view(7, n3="leader"), "n2": view(6, n1="leader", n3="follower"), "n3": view(7, n3="leader")}
    assert _row(views, "n1")["role"] == "unknown"
    assert _row(views, "n3") == {"role": "leader", "term": 7, "commit": 7, "applied": 7, "state": "active"}


def test_a_node_that_does_not_answer_is_shown_by_who_knows_the_newest_term():
    views = {"n1": None, "n2": view(6, n1="leader", n2="follower"), "n3": view(7, n1="unknown", n3="leader")}
    assert _row(views, "n1")["role"] == "unknown"
    assert _row({"n1": None}, "n1")["role"] == "unknown"
