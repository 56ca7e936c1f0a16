"""``manage.py group`` against the API in this process."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from consensus import errors
from tests.service.conftest import group_view


def run(*argv: str) -> str:
    out = io.StringIO()
    call_command("group", *argv, stdout=out)
    return out.getvalue()


def test_what_it_asks_the_group_to_do(nodes, group):
    for argv in (["drain", "n1"], ["undrain", "n1"], ["transfer", "n3"], ["transfer"], ["remove", "n3"]):
        assert "leader n2" in run(*argv)
    assert group.calls == [
        ("drain", "n1", "root"), ("undrain", "n1", "root"), ("transfer", "n3"), ("transfer", None),
        ("remove", "n3", "root"),
    ]  # fmt: skip


def test_the_status_comes_from_the_next_node_where_one_is_away(nodes):
    nodes.add("http://one:1")
    status = json.loads(run("status", "--json", "--server", "http://one:1,http://two:2"))
    assert [member["node"] for member in status["members"]] == ["n1", "n2", "n3"]


def test_the_status_tells_the_group_id_and_why_there_is_no_group(nodes, group):
    assert "founded as" not in run("status") and "no group yet" not in run("status")
    group.view = group_view(group_id="00c0ffee00000")
    assert "founded as 00c0ffee00000" in run("status")
    group.view = group_view(waits_for="n3 names n1, n3")
    assert "there is no group yet: n3 names n1, n3" in run("status")


def test_a_failure_is_one_clear_line(nodes, group):
    group.refusal = errors.Refused("too few would be left")
    with pytest.raises(CommandError, match=r"^too few would be left \(409\)$"):
        run("drain", "n1")
    with pytest.raises(CommandError, match="there is no node 'n9'"):
        run("remove", "n9")
