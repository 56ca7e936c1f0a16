"""What is wrong with a request is said by the node that takes it, with the documented problem, and changes nothing."""

import json

import pytest

from tests.support.group import RealGroup
from tests.support.tables import digest_of_state

NS = "namespaces/storefront"
ENTRY = f"{NS}/entries/bad"
PROBLEM = "application/problem+json"


def put(key: str = "bad", **more: object) -> dict:
    return {"op": "put", "namespace": "storefront", "key": key, "value": 1, **more}


def then(*operations: dict) -> bytes:
    return json.dumps({"then": operations}).encode()


CASES = {
    "an integer that is a string": ("PUT", ENTRY, b'{"value": "x", "type": "integer"}', 422),
    "a boolean that is a number": ("PUT", ENTRY, b'{"value": 1, "type": "boolean"}', 422),
    "a type that there is not": ("PUT", ENTRY, b'{"value": 1, "type": "colour"}', 400),
    "a comment that is a number": ("PUT", ENTRY, b'{"value": 1, "comment": 7}', 400),
    "no value": ("PUT", ENTRY, b"{}", 400),
    "a field that there is not": ("PUT", ENTRY, b'{"value": 1, "colour": 1}', 400),
    "a list for a body": ("PUT", ENTRY, b"[1]", 400),
    "no body": ("PUT", ENTRY, b"", 400),
    "broken JSON": ("PUT", ENTRY, b'{"value": ', 400),
    "broken UTF-8": ("PUT", ENTRY, b'{"value": "\xff\xfe"}', 400),
    "deep nesting": ("PUT", ENTRY, b'{"value": ' + b"[" * 100 + b"]" * 100 + b"}", 400),
    "very deep nesting": ("PUT", ENTRY, b'{"value": ' + b"[" * 200_000, 400),
    "NaN": ("PUT", ENTRY, b'{"value": NaN}', 400),
    "infinity": ("PUT", ENTRY, b'{"value": -Infinity}', 400),
    "a float that is too large": ("PUT", ENTRY, b'{"value": 1e999}', 400),
    "a name twice": ("PUT", ENTRY, b'{"value": {"a": 1, "a": 2}}', 400),
    "a field twice": ("PUT", ENTRY, b'{"value": 1, "value": 2}', 400),
    "a lone surrogate": ("PUT", ENTRY, b'{"value": "\\ud800"}', 400),
    "a number of 5,000 digits": ("PUT", ENTRY, b'{"value": ' + b"9" * 5000 + b"}", 400),
    "a value that is too large": ("PUT", ENTRY, b'{"value": "' + b"x" * 600_000 + b'"}', 413),
    "a body that is too large": ("PUT", ENTRY, b'{"value": "' + b"x" * 5_000_000 + b'"}', 413),
    "a body larger than anything": ("PUT", ENTRY, b"x" * (65 * 1024 * 1024), 413),
    "a ttl of 0": ("PUT", ENTRY, b'{"value": 1, "ttl_s": 0}', 400),
    "a space in a key": ("PUT", f"{NS}/entries/a%20b", b'{"value": 1}', 400),
    "an empty segment": ("PUT", f"{NS}/entries/a//b", b'{"value": 1}', 400),
    "a segment of dots": ("PUT", f"{NS}/entries/a/%2e%2e/b", b'{"value": 1}', 400),
    "a key that is too long": ("PUT", f"{NS}/entries/{'k' * 513}", b'{"value": 1}', 400),
    "a key that is no ASCII": ("PUT", f"{NS}/entries/%C3%BC", b'{"value": 1}', 400),
    "a key that is broken UTF-8": ("PUT", f"{NS}/entries/%FF", b'{"value": 1}', 400),
    "a key that is a path": ("PUT", f"{NS}/entries/a/rollback", b'{"value": 1}', 400),
    "a namespace that there is not": ("PUT", "namespaces/nowhere/entries/a", b'{"value": 1}', 404),
    "a name of a namespace": ("PUT", "namespaces/-x", b"{}", 400),
    "a rollback to the future": ("POST", f"{NS}/entries/motd/rollback", b'{"revision": 99999999}', 400),
    "a rollback to before": ("POST", f"{NS}/entries/motd/rollback", b'{"revision": -1}', 400),
    "a read of the future": ("GET", f"{NS}/entries/motd?revision=99999999", b"", 400),
    "a revision past 2^63": ("GET", f"{NS}/entries/motd?revision=9223372036854775808", b"", 400),
    "a time that is none": ("GET", f"{NS}/entries/?at=yesterday", b"", 400),
    "a watch from the future": ("GET", "watch?since=99999999", b"", 400),
    "a cursor that is none": ("GET", f"{NS}/entries/?cursor=%24", b"", 400),
    "a limit past the end": ("GET", f"{NS}/entries/?limit=100000", b"", 400),
    "a parameter that there is not": ("GET", f"{NS}/entries/?colour=1", b"", 400),
    "one key twice in a transaction": ("POST", "transactions", then(put(), put()), 422),
    "too many operations": ("POST", "transactions", then(*(put(f"k{n}") for n in range(513))), 422),
    "an empty transaction": ("POST", "transactions", b"{}", 422),
    "a good operation beside a bad one": ("POST", "transactions", then(put(), put("a b")), 400),
    "a good operation beside one elsewhere": ("POST", "transactions", then(put(), put("x", namespace="nowhere")), 404),
    "a value past 2^63 as a revision": (
        "POST", "transactions",
        b'{"compare": [{"namespace": "storefront", "key": "a", "revision": 9223372036854775808}]}', 400,
    ),
    "a file with a line that is none": ("POST", f"{NS}/import?format=yaml", b"a: 1\nb: [", 400),
    "a file with an alias": ("POST", f"{NS}/import?format=yaml", b"a: &a [1]\nb: *a", 400),
    "a path that there is not": ("GET", "nothing/here", b"", 404),
    "a method that there is not": ("PATCH", ENTRY, b"{}", 405),
}  # fmt: skip


def ask(group: RealGroup, node: str, method: str, path: str, body: bytes = b"", token: str | None = None):
    headers = {"Content-Type": "application/json"}
    if token != "":
        headers["Authorization"] = f"Bearer {token or group.credentials['token']}"
    return group.http.request(method, f"{group.url(node)}/api/v1/{path}", content=body or None, headers=headers)


def test_each_gets_its_problem_and_changes_nothing(group: RealGroup) -> None:
    node = group.follower()
    group.wait_level()
    before, wrong = digest_of_state(group, node), {}
    for name, (method, path, body, status) in CASES.items():
        answer = ask(group, node, method, path, body)
        problem = answer.headers.get("content-type") == PROBLEM and answer.json()
        sound = problem and problem["status"] == status and problem["detail"] and "Traceback" not in answer.text
        if answer.status_code != status or not sound:
            wrong[name] = (status, answer.status_code, answer.text[:200])
    assert not wrong
    group.wait_level()
    assert [digest_of_state(group, one) for one in group.nodes] == [before] * 3


def test_a_number_past_2_to_the_63_is_kept_to_the_last_digit(group: RealGroup) -> None:
    node = group.follower()
    for value in (2**63, -(2**63) - 1, 10**300):
        assert ask(group, node, "PUT", f"{NS}/entries/large", b'{"value": %d}' % value).status_code in (200, 201)
        assert all(f'"value":{value},' in group.get(other, "large").text for other in group.nodes)


@pytest.mark.parametrize("token", ["", "cfg_unknown", "x" * 5000, "cfg_%s" % ("A" * 43)])
def test_whoever_is_not_known_changes_nothing(group: RealGroup, token: str) -> None:
    node = group.follower()
    before = digest_of_state(group, node)
    for method, path, body in (("PUT", ENTRY, b'{"value": 1}'), ("GET", f"{NS}/entries/", b""), ("GET", "watch", b"")):
        answer = ask(group, node, method, path, body, token)
        assert (answer.status_code, answer.headers["content-type"]) == (401, PROBLEM)
    assert digest_of_state(group, node) == before
