"""Writes without Django around the view: the same statuses, headers and bytes, and the same record of who it was."""

import json
import re
from itertools import count

import pytest
from django.db import OperationalError, connection

from config_service.accounts import services as accounts
from config_service.accounts.models import ApiToken, User
from config_service.api import lean
from config_service.audit.models import AuditRecord
from config_service.entries import selectors
from consensus import errors
from tests.service.conftest import Api
from tests.support.asgi import Answer, Web
from tests.support.servers import end_other_sessions

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/api/v1/namespaces/shop/entries/"
JSON = {"Content-Type": "application/json"}
numbers = count()


@pytest.fixture
def web(transactional_db, direct, settings):
    settings.WEB_THREADS = 4
    web = Web()
    yield web
    web.close()


def write(web: Web, method: str, path: str, headers: dict[str, str], body: object) -> tuple[Answer, bool]:
    """The answer, and whether it was answered without Django."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = headers | {"Content-Length": str(len(raw))}
    before = web.app._writes.answered
    answer = web.ask(method, path, headers, raw)
    return answer, web.app._writes.answered > before


def without_what_differs(answer: Answer, key: str) -> tuple:
    """Revisions, times and ids differ from write to write, and the key."""
    headers = [(name, re.sub(r"[0-9a-f]{32}|\d+", "#", value)) for name, value in answer.headers]
    text = answer.body.decode().replace(key, "KEY")
    return answer.status, headers, re.sub(r'revision":\d+|T[\d:.]+Z|[0-9a-f]{32}|revision \d+', "#", text)


PUTS = [
    ({}, {"value": 1}),
    ({}, {"value": "é", "comment": "ü", "type": "string", "ttl_s": 60}),
    ({}, {"value": {"b": [1.50, None]}, "type": "json"}),
    ({}, {"value": "s", "type": "secret"}),
    ({"If-None-Match": "*"}, {"value": 1}),
    ({"If-Match": "*"}, {"value": 1}),
    ({"If-Match": '"999"'}, {"value": 1}),
    ({"If-Match": "999"}, {"value": 1}),
    ({"If-Match": "*", "If-None-Match": "*"}, {"value": 1}),
    ({}, {"value": "x", "type": "integer"}),
    ({}, {"value": 1, "type": "wrong"}),
    ({}, {"value": 1, "more": 1}),
    ({}, {}),
    ({}, b"[1]"),
    ({}, b"{"),
    ({}, b"\xff"),
    ({}, {"value": "x", "ttl_s": 0}),
    ({"Idempotency-Key": "a b"}, {"value": 1}),
    ({"Accept": "text/html"}, {"value": 1}),
]


@pytest.mark.parametrize("held", [False, True])
def test_puts_and_deletes_are_answered_as_django_does(shop, web, held):
    for headers, body in PUTS:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        number = next(numbers)
        told = []
        for app, key in ((web.app, f"l/{number}"), (web.app._django, f"d/{number}")):
            if held:
                assert shop.put(f"namespaces/shop/entries/{key}", {"value": 0}).status_code == 201
            sent = shop.headers | JSON | {"Content-Length": str(len(raw))} | headers
            before = web.app._writes.answered
            answers = [web.ask("PUT", BASE + key, sent, raw, app=app)]
            for more in ({"If-None-Match": "*"}, {"If-Match": '"1"'}, {}, {}):
                answers.append(web.ask("DELETE", BASE + key, shop.headers | more, app=app))
            assert web.app._writes.answered - before == (5 if app is web.app else 0)
            told.append([without_what_differs(answer, key) for answer in answers])
        assert told[0] == told[1], (headers, body)


def test_a_write_is_read_back_with_the_headers_that_it_was_answered_with(shop, web):
    answer, taken = write(web, "PUT", BASE + "a", shop.headers | JSON, {"value": [1, 2.50]})
    assert taken and answer.status == 201
    entry = selectors.get_entry("shop", "a")
    assert (entry.value_json, entry.revision) == ("[1,2.5]", answer.json()["revision"])
    assert answer.header("etag") == f'"{entry.revision}"' and answer.header("config-revision") == str(entry.revision)


def test_a_retry_with_the_same_key_gets_the_first_answer(shop, web):
    headers = shop.headers | JSON | {"Idempotency-Key": "once"}
    first, _ = write(web, "PUT", BASE + "a", headers, {"value": 1})
    write(web, "PUT", BASE + "a", shop.headers | JSON, {"value": 2})
    again, taken = write(web, "PUT", BASE + "a", headers, {"value": 1})
    assert taken and again.body == first.body and selectors.get_entry("shop", "a").value_json == "2"
    other, _ = write(web, "PUT", BASE + "a", headers, {"value": 3})
    assert (other.status, other.header("content-type")) == (422, "application/problem+json")


@pytest.mark.parametrize(
    ("failure", "status"), [(errors.NoLeader(), 503), (errors.OutcomeUnknown("r"), 504), (RuntimeError("!"), 500)]
)
def test_what_comes_of_a_proposal_is_told_once_and_not_tried_again(shop, web, direct, failure, status):
    proposed = len(direct.proposed)
    direct.failure = failure
    answer, taken = write(web, "PUT", BASE + "a", shop.headers | JSON, {"value": 1})
    assert taken and answer.status == status and len(direct.proposed) == proposed
    assert answer.header("content-type") == "application/problem+json"


def test_what_is_not_usual_is_left_to_django(shop, api_for, web):
    body = {"value": 1}
    for headers, path in (
        (shop.headers | {"Content-Type": "text/plain"}, BASE + "a"),
        (shop.headers | JSON | {"Cookie": "a=b"}, BASE + "a"),
        (shop.headers | JSON | {"Host": "evil.example.com"}, BASE + "a"),
        (shop.headers | JSON, BASE + "a?x=1"),
        (shop.headers | JSON, BASE + "%61"),
        (shop.headers | JSON, BASE + "a/rollback"),
        (shop.headers | JSON, "/api/v1/namespaces/other"),
        (Api("cfg_unknown").headers | JSON, BASE + "a"),
        (JSON, BASE + "a"),
    ):
        answer, taken = write(web, "PUT", path, headers, body)
        raw = json.dumps(body).encode()
        theirs = web.ask("PUT", path, headers | {"Content-Length": str(len(raw))}, raw, app=web.app._django)
        assert not taken, (headers, path)
        assert answer.status in (theirs.status, 201), path
    large = b'{"value": "' + b"x" * lean.MOST_BYTES + b'"}'
    assert not write(web, "PUT", BASE + "large", shop.headers | JSON, large)[1]
    assert selectors.get_entry("shop", "large").version == 1


def test_a_caller_without_the_right_is_told_what_is_missing(shop, api_for, web):
    reader = api_for("read:shop")
    answer, taken = write(web, "PUT", BASE + "a", reader.headers | JSON, {"value": 1})
    assert taken and (answer.status, answer.json()["missing"]) == (403, "write:shop")


def test_a_token_that_nobody_knows_waits_for_the_group_once(shop, web, direct):
    before = direct.reads
    answer, lean_answered = write(web, "PUT", BASE + "a", JSON | {"Authorization": "Bearer cfg_unknown"}, {"value": 1})
    assert (answer.status, lean_answered, direct.reads - before) == (401, False, 1)


def test_the_record_says_who_from_where_and_with_which_token(shop, web):
    write(web, "PUT", BASE + "a", shop.headers | JSON, {"value": 1})
    record = AuditRecord.objects.first()
    token = ApiToken.objects.get(token_hash=accounts.hash_token(shop.headers["Authorization"].split()[1]))
    assert (record.action, record.channel, record.address) == ("entries.put", "rest", "127.0.0.1")
    assert (record.actor, record.token) == (token.user.username, token.prefix)


def test_a_token_that_is_revoked_or_narrowed_and_a_user_who_is_locked_out_are_refused_at_once(shop, root, web):
    accounts.create_superuser("t", "other", "correct horse")
    for revoke, status in (
        (lambda token: accounts.delete_token("t", token.pk), 401),
        (lambda token: accounts.change_token("t", token.pk, "t", root.pk, ["read:shop"], None), 403),
        (lambda token: accounts.change_user("t", token.user, "root", {"is_active": False}, None, "r"), 401),
    ):
        made = accounts.create_token("t", "t", root.pk, ["write:shop"])
        headers = Api(made.plain).headers | JSON
        assert write(web, "PUT", BASE + "a", headers, {"value": 1})[0].status in (200, 201)
        revoke(ApiToken.objects.select_related("user").get(token_hash=accounts.hash_token(made.plain)))
        assert write(web, "PUT", BASE + "a", headers, {"value": 2})[0].status == status
    assert selectors.get_entry("shop", "a").value_json == "1" and not User.objects.get(pk=root.pk).is_active


def test_a_connection_that_has_died_is_replaced_and_a_database_that_is_away_is_told(shop, web, monkeypatch):
    def end_all() -> None:
        with connection.cursor() as cursor:
            end_other_sessions(cursor.execute)

    for value in range(3):
        answer, taken = write(web, "PUT", BASE + "a", shop.headers | JSON, {"value": value})
        assert taken and answer.status in (200, 201)
        end_all()

    def away(*args):
        raise OperationalError("gone")

    monkeypatch.setattr("config_service.accounts.selectors.accounts_revision", away)
    answer, taken = write(web, "PUT", BASE + "a", shop.headers | JSON, {"value": 9})
    assert not taken and answer.status == 503
