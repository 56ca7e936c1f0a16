"""Watching switches: the newest of each, at whatever node one goes on, and every way such a watch ends."""

from urllib.parse import quote

import pytest

from config_service.accounts import services as accounts
from config_service.accounts.models import ApiToken
from config_service.api import streams
from config_service.live import switch_seen
from config_service.live.switch_seen import Seen, read_seen
from config_service.switches import board as boards
from config_service.switches.board import Board
from config_service.switches.recording import Recorder
from config_service.switches.stored import SwitchSnapshot
from tests.service.conftest import Api, group_view
from tests.service.watching import STREAM, ended, watchful_web
from tests.support.asgi import Stream, Web
from tests.support.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/api/v1/switches/watch"


@pytest.fixture
def board(transactional_db, direct, monkeypatch):
    made = Board(direct)
    monkeypatch.setattr(boards, "get_board", lambda: made)
    yield made
    made.close()


@pytest.fixture
def web(board, settings, monkeypatch):
    with watchful_web(settings, monkeypatch) as web:
        yield web


@pytest.fixture
def flipper(api_for):
    return api_for("switches", "flip")


def flip(api: Api, name: str, value: object, board: Board | None = None) -> int:
    version = api.put(f"switches/{name}", {"value": value}).json()["version"]
    if board is not None:
        eventually(lambda: name in board.states() and board.states()[name].version >= version)
    return version


def watch(web: Web, api: Api, query: str = "", **headers: str) -> Stream:
    stream = web.begin("GET", f"{PATH}?{query}", api.headers | STREAM | headers)
    eventually(lambda: stream.events("current") or stream.over, what="the watch is current")
    return stream


def poll(web: Web, api: Api, query: str = ""):
    return web.ask("GET", f"{PATH}?{query}", api.headers)


def told(stream: Stream, count: int) -> list[tuple[str, object, int]]:
    eventually(lambda: len(stream.events("change")) >= count, what=f"{count} changes in {stream.raw!r}")
    return [(event.data["name"], event.data["value"], event.data["version"]) for event in stream.events("change")]


def test_a_stream_tells_what_is_and_what_comes(flipper, web, board):
    flip(flipper, "kill", True, board)
    stream = watch(web, flipper)
    assert stream.status == 200 and dict(stream.headers)["content-type"] == "text/event-stream"
    assert [event.name for event in stream.events()] == ["start", "change", "current"]
    assert stream.events("start")[0].data == {"node": web.live.config.node, "whole": True}
    flip(flipper, "other", {"a": 1})
    assert told(stream, 2) == [("kill", True, 1), ("other", {"a": 1}, 1)]
    flipper.put("switches/kill", {"value": False, "comment": "cooled down"})
    told(stream, 3)
    change = stream.events("change")[-1].data
    assert change == {
        "name": "kill", "operation": "put", "value": False, "version": 2, "time": change["time"], "actor": "root",
        "comment": "cooled down",
    }  # fmt: skip
    flipper.delete("switches/kill")
    told(stream, 4)
    gone = stream.events("change")[-1].data
    assert (gone["operation"], gone["value"], gone["version"], gone["actor"]) == ("delete", None, 3, "root")
    web.leave(stream)
    eventually(lambda: not len(web.live.watchers))


def test_that_the_audit_trail_knows_of_a_deletion_is_no_news(flipper, web, direct):
    flip(flipper, "kill", 1)
    stream = watch(web, flipper)
    flipper.delete("switches/kill")
    told(stream, 2)
    assert Recorder().record(direct.register_news(0, 0, 0).registers)
    again = flip(flipper, "kill", 2)
    assert told(stream, 3)[2:] == [("kill", 2, again)]
    web.leave(stream)


def test_name_and_prefix_choose(flipper, web, board):
    by_query = {query: watch(web, flipper, query) for query in ("name=a", "prefix=a", "prefix=b", "")}
    for name in ("a", "a.b", "b"):
        flip(flipper, name, 1, board)
    expected = {"name=a": ["a"], "prefix=a": ["a", "a.b"], "prefix=b": ["b"], "": ["a", "a.b", "b"]}
    for query, names in expected.items():
        assert [name for name, _, _ in told(by_query[query], len(names))] == names
        web.leave(by_query[query])
        assert [item["name"] for item in poll(web, flipper, query).json()["items"]] == names


def test_a_broken_stream_goes_on_with_the_newest_of_what_it_lacks(flipper, web, board):
    for name in ("a", "b", "c"):
        flip(flipper, name, 1, board)
    stream = watch(web, flipper)
    last_id = stream.events("current")[-1].id
    web.leave(stream)
    for value in range(2, 5):
        flip(flipper, "a", value)
    flipper.delete("switches/b")
    flip(flipper, "new", 1, board)
    resumed = watch(web, flipper, **{"Last-Event-ID": last_id})
    assert resumed.events("start")[0].data["whole"] is False
    assert told(resumed, 3) == [("a", 4, 4), ("b", None, 2), ("new", 1, 1)]
    last_id = resumed.events()[-1].id
    web.leave(resumed)
    again = watch(web, flipper, **{"Last-Event-ID": last_id})
    assert again.events("change") == []
    flip(flipper, "b", 5)
    assert told(again, 1) == [("b", 5, 3)]
    web.leave(again)


def test_a_node_that_is_behind_never_takes_anything_back(flipper, web, board):
    flip(flipper, "kill", 1, board)
    flip(flipper, "gone", 1, board)
    flipper.delete("switches/gone")
    eventually(lambda: board.states()["gone"].version == 2)
    ahead = quote(f"{web.live.config.group}/kill:3,gone~7")
    stream = watch(web, flipper, f"seen={ahead}")
    for value in (2, 3, 4):
        flip(flipper, "kill", value, board)
    assert told(stream, 1) == [("kill", 4, 4)]
    web.leave(stream)


def test_what_was_deleted_and_forgotten_meanwhile_is_told(flipper, web, direct):
    seen = quote(f"{web.live.config.group}/kill:3")
    answer = poll(web, flipper, f"seen={seen}").json()
    assert answer["whole"] is False
    assert [(item["name"], item["operation"], item["actor"]) for item in answer["items"]] == [("kill", "delete", None)]
    assert poll(web, flipper, f"seen={quote(answer['seen'])}").json()["items"] == []
    direct.lost = True
    refused = poll(web, flipper, f"seen={seen}")
    assert refused.status == 503 and refused.header("retry-after")


def test_what_another_group_gave_counts_for_nothing(flipper, web, board):
    flip(flipper, "kill", 1, board)
    answer = poll(web, flipper, "seen=another/kill:9").json()
    assert answer["whole"] is True and [item["version"] for item in answer["items"]] == [1]


def test_a_long_poll_waits_for_news_and_tells_them_once(flipper, web, board):
    empty = poll(web, flipper, "wait_s=60").json()
    assert (empty["whole"], empty["items"]) == (True, [])
    waiting = web.begin("GET", f"{PATH}?wait_s=60&seen={quote(empty['seen'])}", flipper.headers)
    eventually(lambda: len(web.live.watchers))
    flip(flipper, "kill", 1, board)
    waiting.future.result(20)
    answer = poll(web, flipper, f"seen={quote(empty['seen'])}")
    assert waiting.raw == answer.body and [item["value"] for item in answer.json()["items"]] == [1]
    seen = answer.json()["seen"]
    nothing = poll(web, flipper, f"wait_s=1&seen={quote(seen)}").json()
    assert nothing == {"whole": False, "items": [], "seen": seen}


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("name=a&prefix=b", {}),
        ("name=-a", {}),
        ("name=", {}),
        ("prefix=%2F", {}),
        ("wait_s=61", {}),
        ("since=1", {}),
        ("seen=kill:1", {}),
        ("seen=config/kill", {}),
        ("seen=config/kill:1,", {}),
        ("seen=config/kill:x", {}),
        ("", {"Last-Event-ID": "7"}),
        ("", {"Last-Event-ID": "config/" + "x" * 17_000}),
    ],
)
def test_bad_requests_are_refused(flipper, web, query, headers):
    answer = web.ask("GET", f"{PATH}?{query}", flipper.headers | headers)
    assert (answer.status, answer.header("content-type")) == (400, "application/problem+json")


def test_who_may_read_switches_may_watch_them_as_long_as_that_holds(flipper, api_for, root, web, direct):
    refused = poll(web, api_for("flip", "read:*"))
    assert (refused.status, refused.json()["missing"]) == (403, "switches")
    assert poll(web, Api()).status == 401
    made = accounts.create_token("t", "t", root.pk, ["switches"])
    doomed, other = watch(web, Api(made.plain)), watch(web, flipper)
    accounts.delete_token("t", ApiToken.objects.get(token_hash=accounts.hash_token(made.plain)).pk)
    web.on_loop(lambda: web.live.follower.tell(direct.applied))
    assert ended(doomed)["reason"] == "not_allowed"
    flip(flipper, "kill", 1)
    assert told(other, 1) and not doomed.events("change")
    web.leave(other)


def test_a_drained_node_and_one_that_stops_send_watchers_away(flipper, web, group):
    stream = watch(web, flipper)
    members = group.view.members
    fields = {name: getattr(members[0], name) for name in members[0].__slots__}
    group.view = group_view(members=(type(members[0])(**fields | {"state": "draining"}), *members[1:]))
    assert ended(stream)["reason"] == "draining"
    assert poll(web, flipper).json()["type"] == "urn:config-service:problem:draining"
    group.view = group_view()
    stream = watch(web, flipper)
    web.on_loop(web.live.watchers.stop)
    assert ended(stream)["reason"] == "stopping"


def test_a_quiet_stream_shows_that_it_lives(flipper, web, monkeypatch):
    monkeypatch.setattr(streams, "BEAT_S", 0.2)
    stream = watch(web, flipper, "name=kill")
    eventually(lambda: stream.raw.count(b": alive\n") > 1)
    web.leave(stream)


def test_too_many_switches_to_name_are_still_told(flipper, web, board, monkeypatch):
    monkeypatch.setattr(switch_seen, "MOST_BYTES", 24)
    for number in range(4):
        flip(flipper, f"switch{number}", number, board)
    stream = watch(web, flipper)
    assert stream.events("current")[0].id == "", "a reader that breaks off asks for everything again"
    flip(flipper, "switch0", 7)
    assert told(stream, 5)[-1] == ("switch0", 7, 2)
    web.leave(stream)
    assert poll(web, flipper).status == 413
    assert poll(web, flipper, "name=switch0").json()["seen"].endswith("/switch0:2")


def test_a_server_without_an_event_loop_says_that_it_cannot_watch(flipper):
    answer = flipper.get("switches/watch")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:config-service:problem:not-served")


def test_no_switch_is_called_as_the_path_of_the_watch(flipper):
    assert flipper.put("switches/watch", {"value": 1}).status_code == 405


def test_what_was_seen_survives_as_text():
    def switch(name: str, version: int, value: str = "1") -> SwitchSnapshot:
        return SwitchSnapshot(name, version, value, 1, "", "", "")

    seen = Seen("config")
    assert [seen.take(switch("a", 1)), seen.take(switch("a", 1)), seen.take(switch("b", 4))] == [True, False, True]
    assert seen.take(switch("b", 5, "")) and not seen.take(switch("b", 6, "")) and not seen.take(switch("c", 1, ""))
    assert seen.text() == "config/a:1,b~6"
    again = read_seen(seen.text(), "config")
    assert again.text() == seen.text() and not again.take(switch("b", 6)) and again.take(switch("b", 7))
    assert read_seen("config/", "config").text() == "config/" and read_seen("other/a:1", "config") is None
