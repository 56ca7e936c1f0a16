"""Watching a real group: nothing lost and nothing twice, through reconnects to other nodes and through failover."""

import itertools
import json
import threading
import uuid
from contextlib import suppress

import httpx

from tests.support.group import RealGroup
from tests.support.load import Load
from tests.support.waiting import eventually


class Follower(threading.Thread):
    """Watches from node to node: whenever a stream ends, it goes on at the next one after the last id it got."""

    def __init__(self, group: RealGroup, prefix: str, nodes: list[str], token: str = "", since: int | None = None):
        super().__init__(daemon=True)
        self._group = group
        self._query = f"namespace=storefront&prefix={prefix}" + ("" if since is None else f"&since={since}")
        self._nodes = itertools.cycle(nodes)
        self._token = token or group.credentials["token"]
        self._last_id = ""
        self.stopping = False
        self.refused = 0
        self.connected: list[str] = []
        self.events: list[tuple[str, int]] = []
        self.endings: list[str] = []
        self.start()
        eventually(lambda: self._last_id)

    def run(self) -> None:
        while not self.stopping and self.refused != 401:
            node = next(self._nodes)
            with suppress(httpx.HTTPError):
                self._watch(node)

    def _watch(self, node: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "text/event-stream"}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        timeout = httpx.Timeout(5, read=2)
        with httpx.stream(
            "GET", f"{self._group.url(node)}/api/v1/watch?{self._query}", headers=headers, timeout=timeout
        ) as answer:
            self.refused = 0 if answer.status_code == 200 else answer.status_code
            if answer.status_code == 200:
                self.connected.append(node)
                self._read(answer)

    def _read(self, answer: httpx.Response) -> None:
        event: dict[str, str] = {}
        for line in answer.iter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value
            elif not line and event:
                self._take(event)
                event = {}
            if self.stopping:
                return

    def _take(self, event: dict[str, str]) -> None:
        body = json.loads(event["data"])
        if event["event"] == "change":
            self.events.append((body["key"], body["revision"]))
        elif event["event"] == "end":
            self.endings.append(body["reason"])
        self._last_id = event.get("id", self._last_id)

    def stop(self) -> None:
        self.stopping = True
        self.join(10)


def test_through_the_death_of_leaders_and_web_processes_every_change_is_told_once(group: RealGroup) -> None:
    name = uuid.uuid4().hex[:8]
    leader = group.leader()
    others = [node for node in group.nodes if node != leader]
    follower = Follower(group, f"load/{name}", [leader, *others])
    with Load(group, others[0], name) as load:
        eventually(lambda: len(load.acknowledged) > 20)
        group.act("kill", leader)
        eventually(lambda: len(follower.connected) > 1 and len(load.acknowledged) > 60, 30)
        group.act("kill", follower.connected[-1], "web") if follower.connected[-1] != others[0] else None
        so_far = len(load.acknowledged)
        eventually(lambda: len(load.acknowledged) > so_far + 20, 30)
    group.heal()
    group.wait_level()
    written = sorted(
        (revision, key[1]) for key, (_, revision) in group.rows(others[0]).items() if key[1].startswith(f"load/{name}/")
    )
    eventually(lambda: len(follower.events) >= len(written), 30)
    follower.stop()
    assert [(revision, key) for key, revision in follower.events] == written
    assert {key for _, key in written} >= set(load.acknowledged)


def test_a_drained_node_sends_its_watchers_to_another_one(group: RealGroup) -> None:
    name, node = f"drain/{uuid.uuid4().hex[:8]}", group.follower()
    other = next(one for one in group.nodes if one != node)
    follower = Follower(group, name, [node, other])
    group.put(other, f"{name}/1", 1)
    assert group.rest(other, "POST", f"group/nodes/{node}/drain").status_code == 200
    eventually(lambda: follower.connected[-1] == other)
    group.put(node, f"{name}/2", 2)
    eventually(lambda: len(follower.events) == 2)
    follower.stop()
    assert [key for key, _ in follower.events] == [f"{name}/1", f"{name}/2"]
    assert follower.endings == ["draining"]


def test_a_web_process_that_is_told_to_stop_does_not_wait_for_its_watchers(group: RealGroup) -> None:
    name, node = f"stop/{uuid.uuid4().hex[:8]}", group.follower()
    follower = Follower(group, name, [node])
    group.act("stop", node, "web")
    eventually(lambda: follower.endings == ["stopping"])
    group.act("start", node, "web")
    group.put(node, f"{name}/1", 1)
    eventually(lambda: len(follower.events) == 1)
    follower.stop()


def test_reads_on_every_node_are_of_one_revision_with_what_they_say(group: RealGroup) -> None:
    """Written here, read there, from memory: never older than what was acknowledged."""
    key = f"fresh/{uuid.uuid4().hex[:8]}"
    for value in range(30):
        revision = group.put(group.nodes[value % 3], key, value).json()["revision"]
        for node in group.nodes:
            read = group.get(node, key)
            assert read.json()["value"] == value and int(read.headers["config-revision"]) >= revision
        own = group.get(group.nodes[value % 3], key, "?consistency=stale")
        assert own.json()["value"] == value and own.headers["config-consistency"] == "stale"
