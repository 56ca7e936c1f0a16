"""Entries of type secret: sealed before they are proposed, masked everywhere, revealed on the record."""

import io
import json

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from config_service.audit.models import AuditRecord
from config_service.entries import selectors, services
from config_service.entries.models import ConfigEntry, EntryRevision
from config_service.errors import Invalid
from config_service.guard import applying
from config_service.sealing import keys, seals
from consensus import errors

pytestmark = pytest.mark.django_db

K1, K2 = f"k1:{keys.new_key()}", f"k2:{keys.new_key()}"
PLAIN = "correct-horse-battery"
PATH = "namespaces/shop/entries/db/password"


@pytest.fixture(autouse=True)
def one_key(settings):
    settings.SECRET_KEYS = K1


@pytest.fixture
def vault(shop, api_for):
    """A caller who may reveal, and a secret."""
    assert shop.put(PATH, {"value": PLAIN, "type": "secret"}).status_code == 201
    return api_for("read:*", "write:*", "reveal:shop")


def everything_stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        rows = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            rows += [row[0] for row in cursor.fetchall()]
    return "\n".join(rows)


def test_nothing_that_is_proposed_or_stored_holds_it(vault, direct):
    stored = everything_stored()
    for form in (PLAIN, PLAIN.encode().hex()):
        assert form not in stored
    assert all(PLAIN.encode() not in payload for payload in direct.proposed)


@pytest.mark.parametrize("path", [PATH, f"{PATH}/history", "namespaces/shop/entries/", "namespaces/shop/history"])
def test_every_read_shows_that_it_is_masked(vault, path):
    body = vault.get(path).json()
    item = body["items"][0] if "items" in body else body
    assert item["value"] is None and item["masked"] is True and item["type"] == "secret"


def test_the_answer_to_the_write_is_masked_too(vault):
    answer = vault.put(PATH, {"value": "other", "type": "secret"})
    assert answer.json()["value"] is None and "sealed" not in answer.content.decode()


def test_revealing_is_recorded_and_not_to_be_cached(vault):
    answer = vault.post(f"{PATH}/reveal", {})
    assert (answer.json()["value"], answer.json()["masked"]) == (PLAIN, False)
    assert answer.headers["Cache-Control"] == "no-store"
    record = AuditRecord.objects.latest("revision")
    assert (record.action, record.actor, record.targets[0]["key"]) == ("secrets.reveal", "root", "db/password")


@pytest.mark.parametrize("failure", [errors.NoLeader(), errors.OutcomeUnknown("r"), errors.Overloaded("x")])
def test_what_cannot_be_recorded_is_not_revealed(vault, direct, failure, monkeypatch):
    real = direct.propose

    def fail(*args, **more):
        raise failure

    monkeypatch.setattr(direct, "propose", fail)
    answer = vault.post(f"{PATH}/reveal", {})
    assert answer.status_code in (503, 504) and PLAIN not in answer.content.decode()
    monkeypatch.setattr(direct, "propose", real)


def test_reading_is_not_enough_to_reveal(vault, shop):
    refused = shop.post(f"{PATH}/reveal", {})
    assert (refused.status_code, refused.json()["missing"]) == (403, "reveal:shop")
    assert not AuditRecord.objects.filter(action="secrets.reveal").exists()


def test_what_is_no_secret_is_not_revealed(vault):
    vault.put("namespaces/shop/entries/a", {"value": 1})
    assert vault.post("namespaces/shop/entries/a/reveal", {}).status_code == 422
    assert vault.post("namespaces/shop/entries/none/reveal", {}).status_code == 404


@pytest.mark.parametrize("value", ["", "é", {"user": "x", "n": [1, None]}, 7, None, "x" * 100_000])
def test_any_json_value_can_be_secret(vault, value):
    assert vault.put(PATH, {"value": value, "type": "secret"}).status_code == 200
    assert vault.post(f"{PATH}/reveal", {}).json()["value"] == value


def test_a_secret_stays_one_when_written_without_a_type(vault):
    assert vault.put(PATH, {"value": "another-plain"}).json()["masked"] is True
    assert "another-plain" not in everything_stored()


def test_a_retry_with_the_same_key_and_body_gets_the_first_answer_and_another_body_is_refused(vault):
    first = vault.put(PATH, {"value": "x", "type": "secret"}, Idempotency_Key="a")
    again = vault.put(PATH, {"value": "x", "type": "secret"}, Idempotency_Key="a")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    other = vault.put(PATH, {"value": "y", "type": "secret"}, Idempotency_Key="a")
    assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (422, "request-conflict")


def test_a_retry_gets_its_first_answer_though_the_entry_has_become_a_secret_and_the_key_a_new_one(vault, settings):
    path, write = "namespaces/shop/entries/plain", {"value": "x"}
    compare = {"namespace": "shop", "key": "plain", "value": "x"}
    body = {"compare": [compare], "then": [{"op": "put", "namespace": "shop", "key": "plain", "value": "y"}]}
    sealed = {"value": "x", "type": "secret"}

    def asked():
        return [
            vault.put(path, write, Idempotency_Key="a"), vault.post("transactions", body, Idempotency_Key="b"),
            vault.put(PATH, sealed, Idempotency_Key="c"),
        ]  # fmt: skip

    first = asked()
    assert [answer.status_code for answer in first] == [201, 200, 200]
    vault.put(path, {"value": "s", "type": "secret"})
    settings.SECRET_KEYS = f"{K2},{K1}"
    now = vault.get(path).json()["revision"]
    assert [(one.status_code, one.json()) for one in asked()] == [(one.status_code, one.json()) for one in first]
    assert vault.get(path).json()["revision"] == now
    assert vault.put(path, {"value": "z"}, Idempotency_Key="a").status_code == 422


def test_equal_secrets_look_unrelated():
    sealed = {
        seals.parse(seals.seal(namespace, key, '"x"', request)).data
        for namespace, key, request in [("a", "k", "1"), ("b", "k", "1"), ("a", "l", "1"), ("a", "k", "2")]
    }
    assert len(sealed) == 4
    assert seals.seal("a", "k", '"x"', "1") == seals.seal("a", "k", '"x"', "1")


def test_without_a_key_a_secret_is_refused_and_the_rest_works(shop, settings):
    settings.SECRET_KEYS = ""
    answer = shop.put(PATH, {"value": PLAIN, "type": "secret"})
    assert answer.status_code == 422 and "SECRET_KEYS" in answer.json()["detail"]
    assert not ConfigEntry.objects.exists()
    assert shop.put(PATH, {"value": 1}).status_code == 201


def test_a_key_that_is_not_configured_is_named(vault, settings):
    settings.SECRET_KEYS = K2
    answer = vault.post(f"{PATH}/reveal", {})
    assert answer.status_code == 422 and "'k1'" in answer.json()["detail"]
    assert not AuditRecord.objects.filter(action="secrets.reveal").exists()
    assert vault.get(PATH).json()["masked"] is True


@pytest.mark.parametrize("part", ["data", "nonce", "sealed", "all"])
def test_a_tampered_secret_does_not_open(vault, part):
    value = json.loads(ConfigEntry.objects.get().value)
    value["sealed" if part == "sealed" else "nonce" if part == "nonce" else "data"] = 9 if part == "sealed" else "AAAA"
    with applying():
        ConfigEntry.objects.update(value="[]" if part == "all" else json.dumps(value))
    answer = vault.post(f"{PATH}/reveal", {})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (422, "seal-broken")


def test_a_sealed_value_that_was_moved_does_not_open(vault):
    sealed = ConfigEntry.objects.get().value
    assert seals.check_sealed("shop", "db/password", sealed) == sealed
    for namespace, key in (("shop", "other"), ("bank", "db/password")):
        with pytest.raises(Invalid):
            seals.check_sealed(namespace, key, sealed)


def test_a_rollback_brings_the_old_secret_back(vault):
    first = ConfigEntry.objects.get().revision
    vault.put(PATH, {"value": "newer", "type": "secret"})
    assert vault.post(f"{PATH}/rollback", {"revision": first}).json()["masked"] is True
    assert vault.post(f"{PATH}/reveal", {}).json()["value"] == PLAIN


def put(value, **more):
    return {"op": "put", "namespace": "shop", "key": "db/password", "value": value, **more}


@pytest.mark.parametrize("branch", ["then", "else"])
@pytest.mark.parametrize("more", [{}, {"type": "secret"}])
def test_a_transaction_seals_what_is_or_becomes_a_secret(vault, direct, branch, more):
    """Also in the branch that is not taken, and in a transaction that is refused."""
    written = ConfigEntry.objects.get().revision
    body = {"compare": [{"namespace": "shop", "key": "none", "exists": branch == "else"}], branch: [put(PLAIN, **more)]}
    other = "else" if branch == "then" else "then"
    assert vault.post("transactions", body | {other: [put("untaken-plain", **more)]}).json()["results"][0]["type"] == (
        "secret"
    )
    refused = {"op": "put", "namespace": "none", "key": "k", "value": 1}
    assert vault.post("transactions", {"then": [put("refused-plain", **more), refused]}).status_code == 404
    assert vault.post(f"{PATH}/reveal", {}).json()["value"] == PLAIN
    assert vault.post(f"{PATH}/rollback", {"revision": written}).json()["masked"] is True
    assert vault.post("namespaces/shop/rollback", {"revision": written + 1}).status_code == 200
    assert vault.post(f"{PATH}/reveal", {}).json()["value"] == PLAIN
    stored = everything_stored()
    for plain in (PLAIN, "untaken-plain", "refused-plain"):
        assert plain not in stored and plain.encode().hex() not in stored
        assert all(plain.encode() not in payload for payload in direct.proposed)


def test_a_transaction_may_make_a_secret_something_else_and_gets_the_first_answer_again(vault):
    body = {"then": [put("x")]}
    first = vault.post("transactions", body, Idempotency_Key="a")
    assert vault.post("transactions", body, Idempotency_Key="a").content == first.content
    body = {"then": [put("open", type="string")], "else": [put("x")]}
    assert vault.post("transactions", body).json()["results"][0]["type"] == "string"
    assert vault.get(PATH).json()["value"] == "open"


def test_a_transaction_does_not_compare_with_a_secret(vault, direct):
    compare = {"namespace": "shop", "key": "db/password", "value": PLAIN}
    answer = vault.post("transactions", {"compare": [compare]})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["compare[0].value"])
    assert all(PLAIN.encode() not in payload for payload in direct.proposed)


def test_a_transaction_with_a_secret_needs_a_key(shop, settings):
    settings.SECRET_KEYS = ""
    answer = shop.post("transactions", {"then": [put(PLAIN, type="secret")]})
    assert answer.status_code == 422 and "SECRET_KEYS" in answer.json()["detail"]


def test_what_a_proposer_that_is_behind_did_not_seal_is_not_stored(vault, monkeypatch):
    monkeypatch.setattr("config_service.entries.selectors.secrets_among", lambda keys: set())
    for body in (
        {"then": [put("late-plain")]},
        {"compare": [{"namespace": "shop", "key": "db/password", "value": "late-plain"}]},
    ):
        answer = vault.post("transactions", body)
        assert (answer.status_code, answer.json()["detail"].split("[")[0]) == (422, next(iter(body)))
    assert EntryRevision.objects.count() == 1 and "late-plain" not in ConfigEntry.objects.get().value


def rotate():
    out = io.StringIO()
    call_command("rotatesecrets", stdout=out)
    return out.getvalue()


def test_rotation_seals_everything_anew_and_tells_what_history_holds(vault, settings):
    vault.put("namespaces/shop/entries/b", {"value": "two", "type": "secret"})
    settings.SECRET_KEYS = f"{K2},{K1}"
    said = rotate()
    assert "2 secrets are sealed with k2 now, 0 were before" in said and "history holds 2 seals of k1" in said
    assert "0 secrets are sealed with k2 now, 2 were before" in rotate()
    settings.SECRET_KEYS = K2
    assert vault.post(f"{PATH}/reveal", {}).json()["value"] == PLAIN
    assert EntryRevision.objects.filter(type="secret").count() == 4


def test_rotation_keeps_when_a_secret_goes(vault, settings):
    goes = vault.put(PATH, {"value": PLAIN, "type": "secret", "ttl_s": 3600}).json()["expires_at"]
    settings.SECRET_KEYS = f"{K2},{K1}"
    assert goes is not None and "1 secrets are sealed with k2 now" in rotate()
    assert vault.get(PATH).json()["expires_at"] == goes
    assert vault.get(f"{PATH}/history").json()["items"][0]["version"] == 3


def test_rotation_needs_no_approval_since_no_value_changes(vault, settings):
    vault.put(PATH, {"value": PLAIN, "type": "secret"})
    services.put_namespace("root", "shop", requires_approval=True, require_if_match=True)
    settings.SECRET_KEYS = f"{K2},{K1}"
    assert "1 secrets are sealed with k2 now" in rotate()
    assert vault.put(PATH, {"value": "x"}, If_Match="*").status_code == 409


def test_rotation_without_the_old_key_changes_nothing(vault, settings):
    settings.SECRET_KEYS = K2
    with pytest.raises(CommandError, match="'k1'"):
        rotate()
    settings.SECRET_KEYS = ""
    with pytest.raises(CommandError, match="SECRET_KEYS"):
        rotate()


@pytest.mark.parametrize(
    "text",
    ["k1", "k1:short", f"{K1},{K1}", "k 1:x", ":" + K1[3:], "k1:" + "é" * 44],
    ids=["no key", "short", "twice", "name", "no name", "no base64"],
)
def test_bad_keys_are_refused_and_never_shown(text):
    with pytest.raises(ImproperlyConfigured) as caught:
        keys.parse(text)
    assert K1[3:] not in str(caught.value) and "short" not in str(caught.value)
    assert K1[3:] not in repr(keys.parse(K1))


def test_the_admin_masks_searches_nothing_in_it_and_reveals_on_the_record(vault, client, root):
    services.put_entry("t", "shop", "open", "findable")
    client.force_login(root)
    url = "/admin/entries/configentry/"
    entry = ConfigEntry.objects.get(type="secret")
    sealed = seals.parse(entry.value)
    listed = client.get(url).content.decode()
    shown = client.get(f"{url}{entry.pk}/change/").content.decode()
    for page in (listed, shown, client.get(f"{url}{entry.pk}/delete/").content.decode()):
        assert PLAIN not in page and sealed.data not in page
    found = client.get(f"{url}?q=findable").content.decode()
    assert "1 entry" in found
    for part in (sealed.data[:8], "key_id", "nonce"):
        assert "0 entries" in client.get(url, {"q": part}).content.decode()
    assert client.get(f"{url}{entry.pk}/reveal/").status_code == 404
    revealed = client.post(f"{url}{entry.pk}/reveal/")
    assert PLAIN in revealed.content.decode() and "no-store" in revealed.headers["Cache-Control"]
    assert AuditRecord.objects.filter(action="secrets.reveal").count() == 1


def test_a_secret_in_the_admin_is_written_and_not_overwritten_by_nothing(vault, client, root):
    client.force_login(root)
    entry = ConfigEntry.objects.get()
    url = f"/admin/entries/configentry/{entry.pk}/change/"
    sent = {"type": "secret", "secret_value": "", "base_revision": entry.revision, "_save": "1"}
    assert "type its new value" in client.post(url, sent).content.decode()
    assert client.post(url, sent | {"secret_value": "typed anew"}).status_code == 302
    assert vault.post(f"{PATH}/reveal", {}).json()["value"] == "typed anew"


def test_a_node_that_is_behind_asks_before_it_takes_a_value_for_a_plain_one(vault, direct, monkeypatch):
    """The entry became a secret on another node, and this one has not applied that yet."""
    found, secrecy, read_index = selectors.secrets_among, selectors.secrecy_of, direct.read_index

    def catch_up(deadline_s=None):
        monkeypatch.setattr(selectors, "secrets_among", found)
        monkeypatch.setattr(selectors, "secrecy_of", secrecy)
        return read_index(deadline_s)

    monkeypatch.setattr(direct, "read_index", catch_up)
    transaction = {"then": [{"op": "put", "namespace": "shop", "key": "db/password", "value": "pl4in"}]}
    for write in (lambda: vault.put(PATH, {"value": "pl4in"}), lambda: vault.post("transactions", transaction)):
        monkeypatch.setattr(selectors, "secrets_among", lambda keys: set())
        monkeypatch.setattr(selectors, "secrecy_of", lambda namespace, key: (False, True))
        assert write().status_code == 200
    assert not any(b"pl4in" in payload for payload in direct.proposed)
    assert ConfigEntry.objects.get().type == "secret"


def test_where_there_are_no_secrets_nobody_is_asked(shop, direct):
    reads = direct.reads
    assert shop.put("namespaces/shop/entries/a", {"value": 1}).status_code == 201
    assert direct.reads == reads
