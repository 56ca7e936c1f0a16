"""Switches on a real group: no election is seen in them, every node hears of them, and the trail tells who did it."""

import contextlib
import threading
import time
from collections.abc import Callable
from itertools import count

import httpx

from tests.linearizability.checker import Verdict
from tests.linearizability.history import FAILED, UNKNOWN, Operation
from tests.linearizability.verify import verify
from tests.support.group import RealGroup
from tests.support.waiting import eventually

ENTRY = "namespaces/storefront/entries"


class Client:
    """Asks one node again and again, in a thread, and keeps what it was told."""

    def __init__(self, group: RealGroup, node: str, first_process: int, op: str, path: str, numbered_by: str):
        self.operations: list[Operation] = []
        self._headers = {"Authorization": f"Bearer {group.credentials['token']}"}
        self._url = f"{group.url(node)}/api/v1/{path}"
        self._node, self._op, self._numbered_by = node, op, numbered_by
        self._process = first_process
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()

    @property
    def done(self) -> int:
        return sum(operation.known and not operation.failed for operation in self.operations)

    def _run(self) -> None:
        with httpx.Client(headers=self._headers, timeout=20) as http:
            for number in count():
                if self._stopping.is_set():
                    return
                arg = {"value": f"{self._node}-{number}"} if self._op == "write" else {}
                start_ns = time.monotonic_ns()
                result = self._ask(http, arg)
                end_ns = None if result == UNKNOWN else time.monotonic_ns()
                self.operations.append(
                    Operation(self._process, self._op, "it", arg, result, start_ns, end_ns, self._node)
                )
                self._process += result == UNKNOWN

    def _ask(self, http: httpx.Client, arg: dict) -> dict | str:
        try:
            answer = http.put(self._url, json=arg) if arg else http.get(self._url)
        except httpx.ConnectError:
            return FAILED
        except httpx.TransportError:
            return UNKNOWN if arg else FAILED
        if answer.status_code in (503, 504):
            return UNKNOWN if arg and answer.status_code == 504 else FAILED
        if answer.status_code == 404:
            return {"absent": True}
        assert answer.status_code in (200, 201), answer.text
        body = answer.json()
        told = {"revision": body[self._numbered_by], "version": body["version"]}
        return told if arg else told | {"value": body["value"]}


def fresh(group: RealGroup, stem: str) -> str:
    return f"{stem}-{time.monotonic_ns()}"


def accepted(answer: httpx.Response) -> bool:
    return answer.status_code in (200, 201)


def test_both_histories_are_linearizable_while_the_leader_is_killed(group: RealGroup) -> None:
    leader = group.leader()
    one, other = (node for node in group.nodes if node != leader)
    switch, entry = f"switches/{fresh(group, 'kill')}", f"{ENTRY}/{fresh(group, 'entry')}"
    with contextlib.ExitStack() as running:
        start: Callable[[Client], Client] = running.enter_context
        switches = [
            start(Client(group, one, 1000, "write", switch, "version")),
            start(Client(group, other, 2000, "write", switch, "version")),
            start(Client(group, other, 3000, "read", switch, "version")),
        ]
        entries = [
            start(Client(group, one, 1000, "write", entry, "revision")),
            start(Client(group, other, 3000, "read", entry, "revision")),
        ]
        everybody = switches + entries
        eventually(lambda: all(client.done > 10 for client in everybody), 30, "clients at work")
        before = [client.done for client in switches]
        group.act("kill", leader)
        eventually(lambda: all(c.done > b + 10 for c, b in zip(switches, before, strict=True)), 30, "switches go on")
        before = [client.done for client in entries]
        eventually(lambda: all(c.done > b + 10 for c, b in zip(entries, before, strict=True)), 30, "entries go on")
    for clients in (switches, entries):
        report = verify([operation for client in clients for operation in client.operations])
        assert report.verdict is Verdict.YES, report.explain()


def test_a_switch_shows_on_every_node_though_nobody_reads_it_and_in_the_trail_once(group: RealGroup) -> None:
    name = fresh(group, "shown")
    assert accepted(group.rest(group.follower(), "PUT", f"switches/{name}", {"value": True, "comment": "too hot"}))
    for node in group.nodes:
        stale = eventually(
            lambda node=node: (found := group.rest(node, "GET", f"switches/{name}?consistency=stale")).is_success
            and found, 20, f"the switch on {node}",
        )  # fmt: skip
        assert stale.json()["value"] is True
    told = lambda: [  # noqa: E731
        record
        for record in group.rest(group.leader(), "GET", "audit?action=switches.flip&limit=1000").json()["items"]
        if record["targets"][0]["name"] == name
    ]
    (record,) = eventually(told, 20, "the audit trail tells of it")
    assert (record["actor"], record["channel"]) == ("admin", "rest")
    (flip,) = group.rest(group.follower(), "GET", f"switches/{name}/history").json()["items"]
    assert (flip["comment"], flip["version"]) == ("too hot", 1)


def test_a_node_that_was_away_hears_of_what_it_missed(group: RealGroup) -> None:
    away = group.follower()
    present = [node for node in group.nodes if node != away]
    kept, gone = fresh(group, "kept"), fresh(group, "gone")
    assert accepted(group.rest(present[0], "PUT", f"switches/{gone}", {"value": 1}))
    group.act("kill", away)
    assert accepted(group.rest(present[0], "PUT", f"switches/{kept}", {"value": 2}))
    assert group.rest(present[1], "DELETE", f"switches/{gone}").status_code == 204
    group.act("start", away)
    stale = lambda name: group.rest(away, "GET", f"switches/{name}?consistency=stale").status_code  # noqa: E731
    eventually(lambda: stale(kept) == 200 and stale(gone) == 404, 40, "it has caught up")


def test_without_a_majority_nothing_is_flipped_and_nothing_is_made_up(group: RealGroup) -> None:
    name = f"switches/{fresh(group, 'alone')}"
    last = group.nodes[0]
    assert accepted(group.rest(last, "PUT", name, {"value": 1}))
    for node in group.nodes[1:]:
        group.act("kill", node)
    assert group.rest(last, "PUT", name, {"value": 2}).status_code in (503, 504)
    assert group.rest(last, "GET", name).status_code == 503
    assert group.rest(last, "GET", f"{name}?consistency=stale").json()["value"] == 1
    for node in group.nodes[1:]:
        group.act("start", node)
    found = eventually(lambda: (got := group.rest(last, "GET", name)).is_success and got.json(), 40, "a majority again")
    assert found["value"] in (1, 2)
