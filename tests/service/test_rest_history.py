"""The past over HTTP: reads as of a revision or a time, history, differences, rollback, what is compacted."""

from datetime import datetime, timedelta

import pytest

from config_service import proposing
from config_service.entries import services
from config_service.entries.models import EntryRevision, Namespace

SHOP = "namespaces/shop/"
A = SHOP + "entries/a"


@pytest.fixture
def clock(monkeypatch):
    """The proposer's clock, which tests move."""

    class Clock:
        now = datetime.fromisoformat("2026-03-01T12:00:00+00:00")

        def text(self) -> str:
            return self.now.isoformat(timespec="microseconds").replace("+00:00", "Z")

        def later(self, **delta: float) -> str:
            self.now += timedelta(**delta)
            return self.text()

    made = Clock()
    monkeypatch.setattr(proposing, "now", made.text)
    return made


def put(api, key, value, **more):
    answer = api.put(f"{SHOP}entries/{key}", {"value": value, **more})
    assert answer.status_code in (200, 201)
    return answer.json()["revision"]


def values(api, query):
    items = api.get(f"{SHOP}entries/{query}").json()["items"]
    return {item["key"]: item["value"] for item in items}


def test_a_namespace_and_an_entry_as_they_were(shop):
    first = put(shop, "a", 1, comment="one")
    second = put(shop, "b", 2)
    third = put(shop, "a", {"x": 1})
    assert shop.delete(SHOP + "entries/b").status_code == 204
    assert values(shop, f"?revision={first}") == {"a": 1}
    assert values(shop, f"?revision={second}") == {"a": 1, "b": 2}
    assert values(shop, f"?revision={third}") == {"a": {"x": 1}, "b": 2}
    assert values(shop, f"?revision={third + 1}") == values(shop, "") == {"a": {"x": 1}}
    assert values(shop, f"?revision={first - 1}") == {}
    then = shop.get(f"{A}?revision={second}")
    assert then.headers["ETag"] == f'"{first}"'
    assert then.json() | {"updated_at": ""} == {
        "namespace": "shop", "key": "a", "value": 1, "type": "integer", "revision": first, "version": 1,
        "created_revision": first, "updated_by": "root", "comment": "one", "expires_at": None, "updated_at": "",
    }  # fmt: skip
    assert shop.get(f"{A}?revision={third}").content == shop.get(A).content
    assert shop.get(f"{A}?revision={first - 1}").status_code == 404
    assert shop.get(f"{SHOP}entries/b?revision={third + 1}").status_code == 404
    assert shop.get(f"{SHOP}entries/b?revision={third}").json()["value"] == 2


def test_pages_of_the_past(shop, direct):
    keys = sorted(["b", "B", "a/1", "a.1", "a-1", "a/10", "a/2", "_", "0", "ab"])
    for key in keys:
        put(shop, key, key)
        put(shop, key, key + "!")
    then = direct.applied
    for key in keys[::2]:
        shop.delete(f"{SHOP}entries/{key}")
    put(shop, "a/11", 0)
    seen, cursor = [], ""
    while cursor is not None:
        page = shop.get(f"{SHOP}entries/?limit=3&cursor={cursor}&revision={then}").json()
        assert len(page["items"]) <= 3 and page["revision"] == then
        seen += [(item["key"], item["value"]) for item in page["items"]]
        cursor = page["next"]
    assert seen == [(key, key + "!") for key in keys]
    assert list(values(shop, f"?prefix=a/1&revision={then}")) == ["a/1", "a/10"]


def test_as_of_a_time(shop, clock):
    before = clock.later(days=-1)
    clock.later(days=1)
    put(shop, "a", 1)
    one = clock.text()
    clock.later(seconds=10)
    between = clock.text()
    clock.later(seconds=10)
    put(shop, "a", 2)
    assert shop.get(f"{A}?at={before}").status_code == 404
    assert values(shop, f"?at={before}") == {}
    for at, value in ((one, 1), (between, 1), (clock.text(), 2), (clock.later(days=2), 2)):
        assert shop.get(f"{A}?at={at}").json()["value"] == value
        assert values(shop, f"?at={at}") == {"a": value}
    assert shop.get(f"{A}?at={one.replace('Z', '%2B00:00')}").json()["value"] == 1


def test_history_tells_who_when_why_and_what_it_was(shop, clock):
    first = put(shop, "a", 1, comment="one")
    second = put(shop, "a", "x", type="string")
    shop.delete(A)
    last = put(shop, "a", None)
    answer = shop.get(A + "/history").json()
    items = answer["items"]
    assert (answer["next"], answer["oldest_revision"], answer["revision"]) == (None, 0, last)
    assert [(i["revision"], i["operation"], i["value"], i["old_value"], i["version"]) for i in items] == [
        (last, "put", None, None, 1), (last - 1, "delete", None, "x", 2), (second, "put", "x", 1, 2),
        (first, "put", 1, None, 1),
    ]  # fmt: skip
    assert [item["old_revision"] for item in items] == [None, second, first, None]
    assert [item["old_compacted"] for item in items] == [False] * 4
    assert (items[3]["actor"], items[3]["comment"], items[3]["time"]) == ("root", "one", clock.text())
    assert (items[2]["type"], items[2]["old_type"]) == ("string", "integer")
    shop.delete(A)
    assert len(shop.get(A + "/history").json()["items"]) == 5, "what is gone has a history"
    assert shop.get(SHOP + "entries/none/history").status_code == 404
    assert shop.get("namespaces/none/history").status_code == 404
    assert shop.get("namespaces/none/entries/a/history").status_code == 404


def test_history_in_pages(shop):
    revisions = [put(shop, key, n) for n, key in enumerate("abab" * 5)]
    for path, expected, newest in (
        (A + "/history?", revisions[::2], 18),
        (SHOP + "history?", revisions, 19),
        (SHOP + "history?prefix=b&", revisions[1::2], 19),
    ):
        seen, cursor = [], ""
        while cursor is not None:
            page = shop.get(f"{path}limit=4&cursor={cursor}").json()
            seen += [(item["revision"], item["value"], item["old_value"]) for item in page["items"]]
            cursor = page["next"]
        assert [revision for revision, _, _ in seen] == expected[::-1]
        assert seen[0][1:] == (newest, newest - 2), "also across the ends of pages"
        assert all(old == (value - 2 if value > 1 else None) for _, value, old in seen)


def test_what_is_different(shop, direct):
    put(shop, "a", 1)
    put(shop, "b", 1)
    put(shop, "same", 1)
    old = put(shop, "gone", 1)
    put(shop, "a", 2)
    put(shop, "new", 1)
    put(shop, "same", 2)
    put(shop, "same", 1)
    shop.delete(SHOP + "entries/gone")
    diff = shop.get(f"{SHOP}diff?from={old}").json()
    assert (diff["from"], diff["to"], diff["next"]) == (old, direct.applied, None)
    found = {item["key"]: (item["change"], item["old"], item["new"]) for item in diff["items"]}
    assert list(found) == ["a", "gone", "new"]
    assert found["a"][0] == "changed" and (found["a"][1]["value"], found["a"][2]["value"]) == (1, 2)
    assert found["gone"][0] == "removed" and found["gone"][2] is None
    assert found["new"][0] == "added" and found["new"][1] is None
    back = shop.get(f"{SHOP}diff?from={direct.applied}&to={old}").json()["items"]
    assert [(item["key"], item["change"]) for item in back] == [("a", "changed"), ("gone", "added"), ("new", "removed")]
    one = shop.get(f"{SHOP}diff?from={old}&key=a").json()["items"]
    assert [(item["key"], item["change"]) for item in one] == [("a", "changed")]
    assert shop.get(f"{SHOP}diff?from={old}&key=same").json()["items"] == []
    assert [i["key"] for i in shop.get(f"{SHOP}diff?from={old}&prefix=g").json()["items"]] == ["gone"]
    seen, cursor = [], ""
    while cursor is not None:
        page = shop.get(f"{SHOP}diff?from={old}&limit=2&cursor={cursor}").json()
        seen += [item["key"] for item in page["items"]]
        cursor = page["next"]
    assert seen == ["a", "gone", "new"]


def test_an_entry_is_rolled_back(shop, direct):
    first = put(shop, "a", 1, comment="one")
    second = put(shop, "a", "x", type="string")
    back = shop.post(A + "/rollback", {"revision": first})
    assert back.status_code == 200
    body = back.json()
    assert (body["value"], body["type"], body["version"], body["comment"]) == (1, "integer", 3, f"rollback to {first}")
    assert shop.get(A).content == back.content and back.headers["ETag"] == f'"{direct.applied}"'
    assert shop.post(A + "/rollback", {"revision": first}, If_Match=f'"{second}"').status_code == 412
    shop.delete(A)
    again = shop.post(A + "/rollback", {"revision": second, "comment": "as it was"}, Idempotency_Key="k")
    assert (again.status_code, again.json()["value"], again.json()["comment"]) == (201, "x", "as it was")
    repeated = shop.post(A + "/rollback", {"revision": second, "comment": "as it was"}, Idempotency_Key="k")
    assert (repeated.status_code, repeated.content) == (201, again.content)
    assert shop.post(A + "/rollback", {"revision": first - 1}).status_code == 404
    assert shop.post(SHOP + "entries/none/rollback", {"revision": first}).status_code == 404


def test_a_namespace_is_rolled_back_at_one_revision(shop, direct):
    put(shop, "a", 1)
    put(shop, "b", 1)
    then = put(shop, "gone", 1)
    put(shop, "a", 2)
    put(shop, "new", 1)
    shop.delete(SHOP + "entries/gone")
    before = values(shop, f"?revision={then}")
    answer = shop.post(SHOP + "rollback", {"revision": then})
    assert answer.json() == {"revision": direct.applied, "rolled_back_to": then, "changed": 3}
    assert values(shop, "") == before
    changes = EntryRevision.objects.filter(revision=direct.applied).order_by("id")
    assert [(change.key, change.operation) for change in changes] == [("a", "put"), ("gone", "put"), ("new", "delete")]
    assert shop.post(SHOP + "rollback", {"revision": then}).json()["changed"] == 0
    assert shop.post("namespaces/none/rollback", {"revision": then}).status_code == 404


def test_a_namespace_is_not_rolled_back_to_before_there_was_one(shop, direct):
    put(shop, "a", 1)
    before = values(shop, "")
    answer = shop.post(SHOP + "rollback", {"revision": Namespace.objects.get(name="shop").created_revision - 1})
    assert answer.status_code == 404 and "there was no namespace 'shop'" in answer.json()["detail"]
    assert values(shop, "") == before


@pytest.mark.parametrize(
    "body",
    [
        {}, {"revision": "1"}, {"revision": True}, {"revision": -1}, {"revision": 2**60}, {"revision": 1, "more": 1},
        {"revision": 1.5}, {"revision": 1, "comment": "\0"},
    ],
)  # fmt: skip
def test_bad_rollbacks(shop, direct, body):
    put(shop, "a", 1)
    before = direct.applied
    for path in (A, SHOP[:-1]):
        assert shop.post(path + "/rollback", body).status_code == 400
    assert shop.post(A + "/rollback", {"revision": 1}, If_None_Match="*").status_code == 400
    assert direct.applied == before


def test_the_future_is_refused(shop, direct):
    put(shop, "a", 1)
    future = direct.applied + 1
    for path in (f"{A}?revision={future}", f"{SHOP}entries/?revision={future}", f"{SHOP}diff?from={future}",
                 f"{SHOP}diff?from=1&to={future}"):  # fmt: skip
        answer = shop.get(path)
        assert (answer.status_code, answer.json()["current_revision"]) == (400, direct.applied), path
        assert answer.json()["type"].endswith(":future-revision")
    for path in (A, SHOP[:-1]):
        answer = shop.post(path + "/rollback", {"revision": direct.applied + 9})
        assert (answer.status_code, answer.json()["type"][-15:]) == (400, "future-revision")
    assert shop.get(f"{A}?at=2999-01-01T00:00:00Z").json()["errors"]["at"]


@pytest.mark.parametrize("query", ["revision=1&at=2026-01-01T00:00:00Z", "at=2026-01-01", "at=2026-01-01T00:00:00",
                                   "at=2026-13-01T00:00:00Z", "at=0001-01-01T00:00:00%2B10:00", "at=x", "at=",
                                   "revision=9999999999999999999"])  # fmt: skip
def test_bad_points_in_time(shop, query):
    put(shop, "a", 1)
    assert shop.get(f"{A}?{query}").status_code == 400
    assert shop.get(f"{SHOP}entries/?{query}").status_code == 400


def test_bad_queries_about_the_past(shop):
    put(shop, "a", 1)
    for path in ("diff", "diff?from=x", "diff?from=1&key=a&prefix=b", "diff?from=1&key=%20", "history?cursor=YQ",
                 "history?prefix=%20", "entries/a/history?prefix=a", "entries/a/history?limit=0"):  # fmt: skip
        assert shop.get(SHOP + path).status_code == 400, path


def test_what_is_compacted_is_gone_and_says_so(shop, clock):
    clock.later(hours=1)
    first = put(shop, "a", 1)
    for n in range(2, 6):
        put(shop, "a", n)
    put(shop, "dead", 1)
    shop.delete(SHOP + "entries/dead")
    floor = put(shop, "b", 1)
    old = clock.text()
    clock.later(days=100)
    last = put(shop, "a", 6)
    assert services.compact_history("t", 2, 90) == 8
    assert services.compact_history("t", 2, 90) == 0
    assert shop.get("history").json()["oldest_revision"] == last - 1
    for path in (
        f"{A}?revision={first}", f"{SHOP}entries/?revision={floor - 1}", f"{SHOP}diff?from={first}",
        f"{SHOP}entries/dead?revision={floor - 2}", f"{A}?at=2026-03-01T12:00:00Z",
        f"{SHOP}entries/?at=2026-03-01T12:59:59.999999Z",
    ):  # fmt: skip
        answer = shop.get(path)
        assert (answer.status_code, answer.json()["oldest_revision"]) == (410, last - 1), path
        assert answer.json()["type"] == "urn:config-service:problem:compacted"
    for path, body in ((A, {"revision": first}), (SHOP[:-1], {"revision": first})):
        answer = shop.post(path + "/rollback", body)
        assert (answer.status_code, answer.json()["oldest_revision"]) == (410, last - 1)
    assert values(shop, f"?at={old}") == values(shop, f"?revision={last - 1}") == {"a": 5, "b": 1}
    items = shop.get(A + "/history").json()["items"]
    assert [(item["value"], item["old_value"], item["old_compacted"]) for item in items] == [
        (6, 5, False), (5, None, True)
    ]  # fmt: skip
    assert shop.get(SHOP + "entries/dead/history").status_code == 404


def test_an_entry_keeps_its_last_changes_whatever_their_age(shop, clock):
    revisions = [put(shop, "a", n) for n in range(5)]
    clock.later(days=100)
    put(shop, "b", 1)
    services.compact_history("t", 3, 90)
    assert [item["value"] for item in shop.get(A + "/history").json()["items"]] == [4, 3, 2]
    assert shop.get(f"{A}?revision={revisions[2]}").json()["value"] == 2
    assert shop.get(f"{A}?revision={revisions[1]}").status_code == 410
    assert shop.post(A + "/rollback", {"revision": revisions[2]}).json()["value"] == 2


def test_compaction_goes_piece_by_piece(shop, clock, monkeypatch):
    monkeypatch.setattr(services, "COMPACT_AT_ONCE", 4)
    for n in range(10):
        put(shop, "ab"[n % 2], n)
    began = Namespace.objects.get(name="shop").created_revision
    assert shop.post(SHOP + "rollback", {"revision": began}).json()["changed"] == 2
    for key in "abcdefgh":
        put(shop, key, 1)
    end = shop.get("history").json()["revision"]
    shop.post(SHOP + "rollback", {"revision": end - 8})  # eight changes at one revision
    clock.later(days=1)
    pieces = []
    while looked_at := services.compact_history("t", 1, 0.5):
        pieces.append(looked_at)
    assert sum(pieces) == 28 and max(pieces) == 8, "a revision is never cut"
    assert values(shop, "") == {} and not EntryRevision.objects.exists()


def test_only_who_may_read_sees_history_and_only_who_may_write_rolls_back(shop, api_for):
    first = put(shop, "a", 1)
    reader, writer = api_for("read:shop"), api_for("write:shop")
    for path in (A + "/history", SHOP + "history", f"{SHOP}diff?from=1", f"{A}?revision={first}"):
        assert reader.get(path).status_code == 200
        assert writer.get(path).status_code == 403
    for path in (A + "/rollback", SHOP + "rollback"):
        assert reader.post(path, {"revision": first}).status_code == 403
        assert writer.post(path, {"revision": first}).status_code == 200
