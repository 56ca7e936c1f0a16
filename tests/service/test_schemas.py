"""Rules of a namespace: what they refuse, on every path, and how they change."""

import json

import pytest
from django.core.management import CommandError

from config_service.entries.commands import (
    EntriesCommand,
    ImportEntries,
    PutEntry,
    PutSchema,
    RevertNamespace,
    RollbackEntry,
    RollbackNamespace,
    Transact,
)
from config_service.entries.schemas import keywords, rules, services
from config_service.errors import Unprocessable
from config_service.sealing.keys import new_key
from tests.service.test_config_command import config, config_json

SCHEMA = "namespaces/shop/schema"
PORT = {"keys": "*/port", "schema": {"type": "integer", "minimum": 1, "maximum": 65535}}


def entry(key: str) -> str:
    return f"namespaces/shop/entries/{key}"


@pytest.fixture
def ruled(shop):
    """``shop`` with a rule for ports."""
    assert shop.put(entry("db/port"), {"value": 5432}).status_code == 201
    assert shop.put(SCHEMA, {"rules": [PORT], "comment": "ports"}).status_code == 200
    return shop


def refused(answer) -> bool:
    problem = answer.json()
    return answer.status_code == 422 and problem["type"].endswith("schema-violation") and "/port" in problem["detail"]


def test_a_value_that_breaks_a_rule_is_refused_with_path_and_reason(ruled, direct):
    limits = {"keys": "limits/**", "schema": {"type": "object", "properties": {"a/b": {"maximum": 5}}}}
    ruled.put(SCHEMA, {"rules": [PORT, limits]})
    before = direct.applied
    problem = ruled.put(entry("limits/x/y"), {"value": {"a/b": 6}}).json()
    assert problem["errors"] == {"value": ["/a~1b: 6 is greater than the maximum of 5"]}
    assert problem["status"] == 422 and problem["detail"].startswith("limits/x/y: /a~1b: 6")
    assert ruled.get(entry("limits/x/y")).status_code == 404
    for value in ("5432", 0, 70000, 1.5, None, [1]):
        assert refused(ruled.put(entry("web/port"), {"value": value}))
    assert ruled.put(entry("a/web/port"), {"value": "one star is one segment"}).status_code == 201
    assert ruled.put(entry("web/port"), {"value": 80}).status_code == 201
    assert direct.applied > before


def test_no_path_goes_round_it(ruled, direct):
    """Every command that can give an entry a value, as `PATHS` lists them."""
    bad = {"op": "put", "namespace": "shop", "key": "web/port", "value": "x"}
    good = {"op": "put", "namespace": "shop", "key": "other", "value": "x"}
    answer = ruled.post("transactions", {"then": [good, bad]})
    assert answer.status_code == 422 and answer.json()["detail"].startswith("then[1]: web/port: the value: 'x' is not")
    assert answer.json()["errors"] == {"value": ["then[1]: the value: 'x' is not of type 'integer'"]}
    ruled.put(SCHEMA, {"rules": []})
    then = ruled.put(entry("db/port"), {"value": "unix socket"}).json()["revision"]
    ruled.put(entry("db/port"), {"value": 1})
    ruled.put(SCHEMA, {"rules": [PORT]})
    assert refused(ruled.post(entry("db/port/rollback"), {"revision": then}))
    assert refused(ruled.post("namespaces/shop/rollback", {"revision": then}))
    assert refused(ruled.post("namespaces/shop/import?format=json", {"db/port": "x"}))
    assert ruled.get(entry("db/port")).json()["value"] == 1 and ruled.get(entry("other")).status_code == 404


def test_the_list_of_those_paths_is_complete():
    """A secret that is sealed under another key keeps its value."""
    gives_values = {PutEntry, RollbackEntry, RollbackNamespace, RevertNamespace, Transact, ImportEntries}
    others = {
        "PutNamespace", "DeleteNamespace", "PutSchema", "DeleteEntry", "CompactHistory", "ExpireEntries",
        "StageImport", "DropImports", "ResealEntry",
    }  # fmt: skip
    assert {kind.__name__ for kind in EntriesCommand.__args__} == {kind.__name__ for kind in gives_values} | others
    assert PutSchema.__struct_config__.tag == "entries.put_schema"


def test_rules_that_existing_values_would_break_are_refused_unless_forced(shop):
    shop.put(entry("a/port"), {"value": "x"})
    shop.put(entry("b/port"), {"value": 80})
    shop.put(entry("c/port"), {"value": 0})
    answer = shop.put(f"{SCHEMA}?dry_run=true", {"rules": [PORT]})
    assert answer.status_code == 200 and answer.json()["checked"] == 3 and answer.json()["count"] == 2
    assert [one["key"] for one in answer.json()["violations"]] == ["a/port", "c/port"]
    problem = shop.put(SCHEMA, {"rules": [PORT]}).json()
    assert (problem["status"], problem["count"]) == (422, 2) and problem["type"].endswith("schema-conflict")
    assert problem["violations"][0] == {"key": "a/port", "path": "", "reason": "'x' is not of type 'integer'"}
    assert shop.get(SCHEMA).status_code == 404
    assert shop.put(SCHEMA, {"rules": [PORT], "force": True}).json()["forced"] is True
    assert shop.get(entry("a/port")).json()["value"] == "x", "what is there stays"
    assert refused(shop.put(entry("a/port"), {"value": "y"}))


def test_what_is_written_after_the_check_is_checked_while_applying(ruled, direct, monkeypatch):
    verdict = services.check_schema("shop", [])
    ruled.put(entry("late"), {"value": "x"})
    monkeypatch.setattr(services, "_verdict", lambda namespace, made: verdict)
    problem = ruled.put(SCHEMA, {"rules": [{"keys": "late", "schema": {"type": "integer"}}]}).json()
    assert problem["status"] == 422 and "late: the value: 'x' is not of type 'integer'" in problem["detail"]


def test_a_retry_gets_the_first_answer_although_entries_have_changed_since(shop):
    body = {"rules": [{"keys": "**", "schema": {"type": "integer"}}]}
    first = shop.put("namespaces/shop/schema", body, Idempotency_Key="k")
    assert shop.put(entry("a"), {"value": 1}).status_code == 201
    again = shop.put("namespaces/shop/schema", body, Idempotency_Key="k")
    assert first.status_code in (200, 201) and (again.status_code, again.json()) == (first.status_code, first.json())


def test_a_retry_gets_the_first_answer_although_a_value_breaks_the_rules_by_now(shop):
    """Other rules, under which it was written, have come and gone."""
    body = {"rules": [{"keys": "**", "schema": {"type": "integer"}}]}
    first = shop.put(SCHEMA, body, Idempotency_Key="k")
    assert shop.delete(SCHEMA).status_code == 204
    assert shop.put(entry("a"), {"value": "x"}).status_code == 201
    again = shop.put(SCHEMA, body, Idempotency_Key="k")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert shop.put(SCHEMA, body, Idempotency_Key="other").status_code == 422


def test_versions(ruled):
    first = ruled.get(SCHEMA)
    assert first["ETag"] == '"1"' and first.json()["rules"] == [PORT] and first.json()["comment"] == "ports"
    assert ruled.get("namespaces/shop").json()["schema"] == {"version": 1, "rules": [PORT]}
    other = {"keys": "**", "schema": True}
    assert ruled.put(SCHEMA, {"rules": [other]}, If_Match='"7"').status_code == 412
    assert ruled.put(SCHEMA, {"rules": [other]}, If_None_Match="*").status_code == 412
    assert ruled.put(SCHEMA, {"rules": [other]}, If_Match='"1"').json()["version"] == 2
    assert ruled.delete(SCHEMA, If_Match='"1"').status_code == 412
    assert ruled.delete(SCHEMA, If_Match='"2"').status_code == 204
    assert ruled.get(SCHEMA).status_code == 404 and ruled.get("namespaces/shop").json()["schema"] is None
    assert ruled.get(f"{SCHEMA}?version=1").json() == first.json()
    page = ruled.get(f"{SCHEMA}/history?limit=2").json()
    assert [(one["version"], one["rules"]) for one in page["items"]] == [(3, None), (2, [other])]
    assert [one["version"] for one in ruled.get(f"{SCHEMA}/history?cursor={page['next']}").json()["items"]] == [1]
    assert ruled.get("namespaces/none/schema/history").status_code == 404
    assert ruled.put("namespaces/none/schema", {"rules": []}).status_code == 404


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ([{"keys": "a", "schema": {"type": "nope"}}], "rules[0].schema"),
        ([{"keys": "a", "schema": 5}], "rules[0].schema"),
        ([{"keys": "a", "schema": {"$ref": "http://example.com/x"}}], "rules[0].schema"),
        ([{"keys": "a", "schema": {"$ref": "#/$defs/none"}}], "rules[0].schema"),
        ([{"keys": "a", "schema": {"$ref": "#none"}}], "rules[0].schema"),
        ([{"keys": "a", "schema": {"pattern": "(?=a)"}}], "rules[0].schema"),
        ([{"keys": "a", "schema": {"pattern": "("}}], "rules[0].schema"),
        ([{"keys": "a", "schema": {"$schema": "http://json-schema.org/draft-07/schema#"}}], "rules[0].schema"),
        ([{"keys": "a", "schema": {"$id": "https://example.com/x"}}], "rules[0].schema"),
        ([{"keys": "a b", "schema": {}}], "rules[0].keys"),
        ([{"keys": "a***", "schema": {}}], "rules[0].keys"),
        ([{"keys": "*a" * 9, "schema": {}}], "rules[0].keys"),
        ([{"keys": "a"}], "rules[0]"),
        ([{"keys": "a", "schema": {}, "more": 1}], "rules[0]"),
        (["a"], "rules[0]"),
        ([{"keys": "a", "schema": {}}] * 201, "rules"),
    ],
)
def test_an_invalid_schema_is_refused(shop, given, place):
    answer = shop.put(SCHEMA, {"rules": given})
    assert answer.status_code == 422 and list(answer.json()["errors"]) == [place]
    assert shop.get(f"{SCHEMA}/history").json()["items"] == []


@pytest.mark.parametrize("body", [{}, {"rules": {}}, {"rules": [], "force": "yes"}, {"rules": [], "more": 1}])
def test_a_bad_body_is_refused(shop, body):
    assert shop.put(SCHEMA, body).status_code == 400
    assert shop.put(f"{SCHEMA}?dry_run=perhaps", {"rules": []}).status_code == 400


def test_the_cost_of_a_check_is_bounded():
    """Whatever the schema and the value: the same few thousand steps on every node, then a refusal."""
    twice: dict = {"$defs": {"0": {"type": "string"}}, "$ref": "#/$defs/40"}
    for i in range(1, 41):
        twice["$defs"][str(i)] = {"allOf": [{"$ref": f"#/$defs/{i - 1}"}] * 2}
    (found,) = keywords.violations(keywords.validator(twice), "x")
    assert "too large for the rules" in found.reason
    (found,) = keywords.violations(keywords.validator({"$ref": "#"}), 1)
    assert "nest too deep" in found.reason
    deep: object = 1
    for _ in range(60):
        deep = [deep]
    tree = {"$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}}}, "$ref": "#/$defs/tree"}
    assert keywords.violations(keywords.validator(tree), deep) == []
    backtracking = keywords.validator({"pattern": "(a+)+$"})
    assert keywords.violations(backtracking, "a" * 100_000 + "b")


def test_what_is_one_value_in_json_is_one_item():
    unique = keywords.validator({"uniqueItems": True})
    assert keywords.violations(unique, [{"a": 1, "b": 2}, {"b": 2.0, "a": 1}])
    assert not keywords.violations(unique, [1, True, "1", None, [1], {"a": 1}])


def test_properties_by_pattern():
    schema = {"properties": {"a": {}}, "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False}
    checker = keywords.validator(schema)
    assert keywords.violations(checker, {"a": 1, "x-b": "c"}) == []
    assert [one.path for one in keywords.violations(checker, {"b": 1, "x-c": 1})] == ["/x-c", ""]
    assert "understood together" in keywords.complaint(schema | {"unevaluatedProperties": False})


def test_keys():
    found = rules.read([{"keys": keys, "schema": False} for keys in ("a", "a/*", "a/**", "*.b", "**")])
    assert [rule.keys for rule in found.of("a")] == ["a", "**"]
    assert [rule.keys for rule in found.of("a/b")] == ["a/*", "a/**", "**"]
    assert [rule.keys for rule in found.of("a/b/c")] == ["a/**", "**"]
    assert [rule.keys for rule in found.of("x.b")] == ["*.b", "**"]
    with pytest.raises(Unprocessable):
        rules.read([{"keys": "a", "schema": {"description": "x" * rules.MAX_BYTES}}])


def test_a_secret_is_checked_before_it_is_sealed(shop, settings):
    settings.SECRET_KEYS = f"k1:{new_key()}"
    shop.put(SCHEMA, {"rules": [{"keys": "password", "schema": {"type": "string", "minLength": 12}}]})
    for body in ({"value": "short", "type": "secret"}, {"value": 7, "type": "secret"}):
        assert shop.put(entry("password"), body).status_code == 422
    operation = {"op": "put", "namespace": "shop", "key": "password", "value": "short", "type": "secret"}
    assert shop.post("transactions", {"then": [operation]}).status_code == 422
    assert shop.put(entry("password"), {"value": "long enough now", "type": "secret"}).status_code == 201


def test_who_may(api_for, shop):
    reader = api_for("read:*")
    shop.put(SCHEMA, {"rules": [PORT]})
    assert reader.get(SCHEMA).status_code == 200 and reader.put(SCHEMA, {"rules": []}).status_code == 403
    assert reader.delete(SCHEMA).status_code == 403


def test_whoever_has_the_rules_already_is_not_sent_them(ruled):
    known = ruled.get(SCHEMA)["ETag"]
    same = ruled.get(SCHEMA, If_None_Match=known)
    assert same.status_code == 304 and not same.content and same["ETag"] == known
    ruled.put(SCHEMA, {"rules": []})
    assert ruled.get(SCHEMA, If_None_Match=known).json()["version"] == 2


def test_it_is_on_the_record(ruled, api_for):
    ruled.put(SCHEMA, {"rules": [], "force": True})
    items = api_for("audit").get("audit?action=entries.put_schema").json()["items"]
    details = [item["targets"][0]["detail"] for item in items]
    assert details == ["schema version 1", "schema version 2, forced"]


def test_from_a_terminal(nodes, shop, tmp_path):
    file = tmp_path / "rules.json"
    file.write_text(json.dumps([PORT]))
    config("set", "shop", "a/port", '"x"')
    assert config("schema", "check", "shop", str(file)).splitlines() == [
        "1 of 1 values would break them",
        "a/port: 'x' is not of type 'integer'",
    ]
    with pytest.raises(CommandError, match=r"a/port: 'x' is not of type 'integer'\. Use --force"):
        config("schema", "set", "shop", str(file))
    assert config("schema", "set", "shop", str(file), "--force") == "shop has schema version 1"
    assert config_json("schema", "get", "shop")["rules"] == [PORT]
    with pytest.raises(CommandError, match="422"):
        config("set", "shop", "a/port", '"y"')
    assert config("schema", "delete", "shop", "--expect", "1") == "shop has no schema any more"
    with pytest.raises(CommandError, match="'shop' has no rules"):
        config("schema", "delete", "shop")
    assert [line.split("\t")[0] for line in config("schema", "history", "shop").splitlines()] == ["2", "1"]
    file.write_text("[{]")
    with pytest.raises(CommandError, match="the rules are not JSON"):
        config("schema", "set", "shop", str(file))
    with pytest.raises(CommandError, match="takes no file"):
        config("schema", "get", "shop", str(file))
