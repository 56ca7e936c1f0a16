"""``manage.py config`` against the API in this process."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from config_service.sealing.keys import new_key


def config(*argv: str) -> str:
    out = io.StringIO()
    call_command("config", *argv, stdout=out)
    return out.getvalue().rstrip("\n")


def config_json(*argv: str):
    return json.loads(config(*argv, "--json"))


def test_set_get_list_delete(nodes, shop):
    made = config_json("set", "shop", "a/b", '{"x": [1, 2.5]}', "--comment", "why")
    assert made == shop.get("namespaces/shop/entries/a/b").json()
    assert config("get", "shop", "a/b") == '{"x": [1, 2.5]}'
    assert config("set", "shop", "name", "Café & co") == f"shop/name is at revision {made['revision'] + 1}"
    assert config("get", "shop", "name") == "Café & co"
    assert config("set", "shop", "code", "007") and config_json("get", "shop", "code")["value"] == "007"
    assert config_json("set", "shop", "digits", "12", "--type", "string")["value"] == "12"
    assert config("list", "shop", "--prefix", "a/") == 'a/b\t{"x": [1, 2.5]}'
    assert [item["key"] for item in config_json("list", "shop")] == ["a/b", "code", "digits", "name"]
    assert config("list") == "shop\t4 entries\ta shop"
    assert config("delete", "shop", "name") == "shop/name is deleted"
    assert shop.get("namespaces/shop/entries/name").status_code == 404
    assert config_json("set", "shop", "t", "1", "--ttl-s", "60")["expires_at"]


def test_a_secret_is_not_shown(nodes, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    config("set", "shop", "password", "plain", "--type", "secret")
    with pytest.raises(CommandError, match="shop/password is a secret"):
        config("get", "shop", "password")
    assert config_json("get", "shop", "password")["masked"] is True
    assert config("list", "shop") == "password\t(secret)"
    assert config("history", "shop").split("\t")[4] == "(secret)"


def test_the_past(nodes):
    first = config_json("set", "shop", "a", "1")["revision"]
    second = config_json("set", "shop", "a", "2", "--expect", str(first))["revision"]
    config("set", "shop", "b", "1", "--create")
    assert config("get", "shop", "a", "--revision", str(first)) == "1"
    assert config("list", "shop", "--revision", str(second)) == "a\t2"
    assert [line.split("\t")[4] for line in config("history", "shop", "a").splitlines()] == ["2", "1"]
    assert len(config("history", "shop", "--limit", "2").splitlines()) == 2
    assert config("diff", "shop", str(first)) == "- a\t1\n+ a\t2\n+ b\t1"
    assert config("diff", "shop", str(first), str(second), "--key", "a") == "- a\t1\n+ a\t2"
    assert config("rollback", "shop", "a", "--to", str(first)) == f"a is 1 at revision {second + 2}"
    assert config("rollback", "shop", "--to", str(second)).startswith("entries changed: 2, at revision")
    assert config("list", "shop") == "a\t2"
    with pytest.raises(CommandError, match="412"):
        config("rollback", "shop", "--to", str(first), "--expect", str(first))
    assert config("rollback", "shop", "--to", str(first), "--expect", str(second + 3)).startswith("entries changed: 1,")


def test_a_list_goes_through_all_pages(nodes, shop):
    for start in (0, 500, 1000):
        then = [{"op": "put", "namespace": "shop", "key": f"k{n}", "value": n} for n in range(start, start + 500)]
        assert shop.post("transactions", {"then": then}).status_code == 200
    assert len(config_json("list", "shop")) == 1500
    assert len(config_json("history", "shop", "--limit", "1200")) == 1200


def test_the_next_node_is_asked_where_one_is_away(nodes):
    nodes.add("http://one:1")
    assert config("set", "shop", "a", "1", "--server", "http://one:1,http://two:2")
    nodes.add("http://two:2")
    with pytest.raises(CommandError, match="no node could do it: http://one:1: connection refused; http://two:2"):
        config("get", "shop", "a", "--server", "http://one:1,http://two:2")


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (["get", "shop", "none"], "there is no entry 'none' in namespace 'shop' (404)"),
        (["get", "none", "a"], "there is no namespace 'none' (404)"),
        (["set", "shop", "a b", "1"], "a key is made of letters"),
        (["set", "shop", "a", "1", "--expect", "3"], "expected revision 3, but the entry does not exist (412)"),
        (["set", "shop", "a", "x", "--type", "integer"], "the value is not JSON"),
        (["set", "shop", "a", "1.5", "--type", "integer"], "not integer (422)"),
        (["set", "shop", "a", "\udcff"], "surrogate"),
        (["rollback", "shop", "--to", "99999"], "is yet to come (400)"),
        (["list", "--prefix", "a"], "need a namespace"),
        (["history", "shop", "--limit", "0"], "--limit must be at least 1"),
        (["get", "shop", "a", "--server", "localhost:8001"], "not the address of a node"),
        (["get", "shop", "a", "--token-file", "/nowhere/token"], "the token cannot be read"),
        (["get", "shop"], "required: key"),
    ],
)
def test_a_failure_is_one_clear_line(nodes, argv, complaint):
    with pytest.raises(CommandError) as failed:
        config(*argv)
    assert complaint in str(failed.value) and "\n" not in str(failed.value)


def test_a_token_is_needed(nodes, monkeypatch, tmp_path):
    monkeypatch.setenv("CONFIG_TOKEN", "wrong")
    with pytest.raises(CommandError, match="401"):
        config("list")
    monkeypatch.delenv("CONFIG_TOKEN")
    with pytest.raises(CommandError, match="a token is needed"):
        config("list")
