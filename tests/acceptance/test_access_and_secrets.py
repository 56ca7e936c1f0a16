"""On a real group: what is granted on one node holds on all and ends on all; secrets are nowhere in clear; the audit
trail is one."""

import json
import re
import uuid

from config_service.sealing.keys import new_key
from tests.support.group import RealGroup
from tests.support.tables import everything_stored, opened
from tests.support.waiting import eventually

PLAIN = "correct-horse-battery-staple"


def call(group: RealGroup, node: str, method: str, path: str, body: object = None, token: str = ""):
    headers = {"Authorization": f"Bearer {token or group.credentials['token']}"}
    return group.http.request(method, f"{group.url(node)}/api/v1/{path}", json=body, headers=headers)


def newcomer(group: RealGroup, node: str, name: str, *scopes: str) -> tuple[str, str]:
    """A user without permissions and a token that acts for it: the token, and its id."""
    assert call(group, node, "PUT", f"users/{name}", {"password": "correct horse"}).status_code == 201
    made = call(group, node, "POST", "tokens/", {"name": name, "user": name, "scopes": list(scopes)})
    assert made.status_code == 201, made.text
    return made.json()["token"], made.json()["id"]


def test_a_grant_made_on_one_node_holds_on_all_and_what_is_revoked_is_refused_on_all(group: RealGroup) -> None:
    first, second, third = group.nodes
    name = f"ann-{uuid.uuid4().hex[:6]}"
    token, token_id = newcomer(group, first, name, "read:*", "write:*")
    path = "namespaces/storefront/entries/granted"
    assert call(group, third, "PUT", path, {"value": 1}).status_code in (200, 201)
    assert {call(group, node, "GET", path, token=token).status_code for node in group.nodes} == {403}
    grant = call(group, second, "POST", "grants/", {"user": name, "verb": "view", "namespace": "storefront"})
    assert grant.status_code == 201
    assert {call(group, node, "GET", path, token=token).status_code for node in group.nodes} == {200}
    assert {call(group, node, "PUT", path, {"value": 1}, token).status_code for node in group.nodes} == {403}
    assert call(group, third, "DELETE", f"grants/{grant.json()['id']}").status_code == 204
    assert {call(group, node, "GET", path, token=token).status_code for node in group.nodes} == {403}
    assert call(group, second, "DELETE", f"tokens/{token_id}").status_code == 204
    assert {call(group, node, "GET", path, token=token).status_code for node in group.nodes} == {401}


def test_a_token_is_refused_on_every_node_that_has_applied_that_it_is_revoked(group: RealGroup) -> None:
    first, second, third = group.nodes
    token, token_id = newcomer(group, first, f"eve-{uuid.uuid4().hex[:6]}", "read:*")
    # Who asks is looked up before the group is asked anything: a node that is behind does not know the token yet.
    eventually(lambda: call(group, third, "GET", "namespaces/", token=token).status_code == 200, 10)
    revoked = call(group, second, "DELETE", f"tokens/{token_id}")
    assert revoked.status_code == 204, revoked.text
    revision = revoked.headers["config-revision"]
    for node in group.nodes:
        query = f"consistency=stale&min_revision={revision}"
        assert call(group, node, "GET", f"namespaces/?{query}").status_code == 200
        for path in ("namespaces/?consistency=stale", "namespaces/storefront/entries/motd?consistency=stale"):
            assert call(group, node, "GET", path, token=token).status_code == 401


def test_what_was_made_on_one_node_is_changed_on_another_at_once(group: RealGroup) -> None:
    """A node that has not applied it yet catches up first: nothing is missed, and nothing that was set is lost."""
    first, second, third = group.nodes
    for turn in range(15):
        name = f"kim-{uuid.uuid4().hex[:6]}"
        _, token_id = newcomer(group, first, name, "read:*")
        assert call(group, first, "PUT", f"users/{name}", {"email": "kim@example.com"}).status_code == 200
        changed = call(group, second, "PUT", f"users/{name}", {"first_name": "Kim"})
        assert (changed.status_code, changed.json()["email"]) == (200, "kim@example.com"), f"turn {turn}"
        assert call(group, third, "DELETE", f"tokens/{token_id}").status_code == 204
        assert call(group, first, "PUT", f"namespaces/{name}", {}).status_code == 201
        rules = {"rules": [{"keys": "*", "schema": {"type": "integer"}}]}
        assert call(group, third, "PUT", f"namespaces/{name}/schema", rules).status_code == 200, f"turn {turn}"
        assert call(group, second, "DELETE", f"users/{name}").status_code == 204


def test_a_secret_is_nowhere_in_clear_and_is_revealed_on_any_node(group: RealGroup) -> None:
    key = f"namespaces/storefront/entries/secret/{uuid.uuid4().hex[:6]}"
    node = group.follower()
    made = call(group, node, "PUT", key, {"value": PLAIN, "type": "secret"})
    assert made.status_code == 201, made.text
    assert call(group, node, "PUT", key, {"value": PLAIN + "2"}).status_code == 200, "it stays one without a type"
    group.wait_level()
    for name in group.nodes:
        stored = everything_stored(group, name)
        assert PLAIN.encode() not in stored and PLAIN.encode().hex().encode() not in stored
        for path in (
            key,
            f"{key}/history",
            "namespaces/storefront/export?format=json",
            "namespaces/storefront/history",
        ):
            assert PLAIN not in call(group, name, "GET", path).text
        revealed = call(group, name, "POST", f"{key}/reveal", {})
        assert revealed.json()["value"] == PLAIN + "2"
    records = call(group, node, "GET", f"audit?namespace=storefront&key={key.partition('/entries/')[2]}").json()[
        "items"
    ]
    assert [record["action"] for record in records] == ["entries.put"] * 2 + ["secrets.reveal"] * 3


def test_an_image_of_the_tables_holds_ciphertext_that_still_opens(group: RealGroup) -> None:
    key = f"namespaces/storefront/entries/secret/{uuid.uuid4().hex[:6]}"
    node = group.follower()
    made = call(group, node, "PUT", key, {"value": PLAIN, "type": "secret"})
    assert made.status_code == 201, made.text
    assert call(group, node, "POST", f"group/nodes/{node}/rebuild").status_code == 200
    eventually(lambda: call(group, node, "POST", f"{key}/reveal", {}).status_code == 200, 40, "a rebuilt node")
    group.wait_level()
    assert PLAIN.encode() not in everything_stored(group, node)


def test_secrets_are_sealed_anew_under_a_new_key(group: RealGroup) -> None:
    key = f"namespaces/storefront/entries/secret/{uuid.uuid4().hex[:6]}"
    node = group.follower()
    assert call(group, node, "PUT", key, {"value": PLAIN, "type": "secret"}).status_code == 201
    key_id = f"k{uuid.uuid4().hex[:6]}"
    group.layout.secrets["sealing"] = f"{key_id}:{new_key()},{group.layout.secrets['sealing']}"
    for name in group.nodes:
        group.act("stop", name, "web")
        group.act("start", name, "web")
    group.wait_ready()
    done = group.run(node, "manage.py", "rotatesecrets")
    assert done.returncode == 0, done.stderr
    group.wait_level()
    for name in group.nodes:
        with opened(group, name) as connection:
            rows = connection.execute("SELECT value FROM entries_configentry WHERE type = 'secret'").fetchall()
        assert rows and {json.loads(value)["key_id"] for (value,) in rows} == {key_id}
        assert call(group, name, "POST", f"{key}/reveal", {}).json()["value"] == PLAIN


def test_the_audit_trail_is_one_and_a_tampered_row_is_found(group: RealGroup) -> None:
    group.put(group.follower(), "audited", 1)
    group.wait_level()
    heads = set()
    for node in group.nodes:
        checked = group.run(node, "manage.py", "verifyaudit")
        assert checked.returncode == 0, checked.stderr
        heads.add(re.search(r"the last one: (\S+)", checked.stdout)[1])
    assert len(heads) == 1, heads
    node = group.follower()
    row = "WHERE revision = (SELECT max(revision) FROM audit_auditrecord)"
    with opened(group, node) as connection:
        connection.execute(f"UPDATE audit_auditrecord SET actor = actor || 'x' {row}")
        found = group.run(node, "manage.py", "verifyaudit")
        connection.execute(f"UPDATE audit_auditrecord SET actor = left(actor, -1) {row}")
    assert found.returncode == 1 and "tampered with" in found.stdout
    assert group.run(node, "manage.py", "verifyaudit", "--expect", heads.pop()).returncode == 0


def test_a_node_whose_postgres_hangs_says_so_and_comes_back(group: RealGroup) -> None:
    node = group.follower()
    group.act("pause", node, "postgres")
    for path in ("namespaces/", "namespaces/storefront/entries/motd", "namespaces/?consistency=stale"):
        answer = call(group, node, "GET", path)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert float(answer.headers["retry-after"]) > 0
    group.act("resume", node, "postgres")
    eventually(lambda: call(group, node, "GET", "namespaces/").status_code == 200, 30, "the node is back")
