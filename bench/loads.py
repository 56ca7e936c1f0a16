"""Writes and reads, ours beside etcd's, never both at once."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import urlsplit

import psutil

from bench.etcd import Etcd, encode
from bench.footprint import members
from bench.measure import Result, budget, line, median, scaled
from config_service.localgroup.layout import BASE_DIR, HOST
from config_service.localgroup.parts import environment
from tests.support.group import RealGroup

VALUE = "v" * 100
SIZES = (1000, 10_000, 100_000)


def child(module: str, environment: dict[str, str], **arguments: object) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(arguments),
        env=environment,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return Result(*json.loads(done.stdout.splitlines()[-1]))


class Loads:
    def __init__(self, group: RealGroup, etcd: Etcd | None, seconds: float, rounds: int):
        self._group = group
        self._processes = [process for tree in members(group).values() for process in tree]
        self._etcd = etcd
        self._seconds = seconds
        self._rounds = rounds
        self._leader = group.leader()
        self._environment = environment(group.layout, group.layout.nodes[self._leader])
        group.rest(self._leader, "PUT", "namespaces/load", {}).raise_for_status()

    def _load(self, module: str, processes: Sequence[psutil.Process], **arguments: object) -> Result:
        """One load on ``processes``."""
        pids = [process.pid for process in processes]
        return child(module, self._environment, seconds=self._seconds, pids=pids, **arguments)

    def _rest(self, connections: int, requests: list[dict]) -> Result:
        url = urlsplit(self._group.url(self._leader))
        headers = {
            "Authorization": f"Bearer {self._group.credentials['token']}",
            "Content-Type": "application/json",
        }
        return self._load("bench.http", self._processes, host=url.hostname, port=url.port,
                              connections=connections, requests=requests, headers=headers)  # fmt: skip

    def _client(self, outstanding: int) -> Result:
        return self._load("bench.client", self._processes, outstanding=outstanding)

    def _fill(self, first: int, end: int) -> None:
        """Write each of these keys once."""
        child("bench.client", self._environment, outstanding=256, seconds=0, pids=[], first=first, keys=end - first)

    def _etcd_load(self, connections: int, requests: list[dict]) -> Result | None:
        if self._etcd is None:
            return None
        port = self._etcd.client_ports[self._etcd.leader()]
        return self._load("bench.http", self._etcd.processes(), host=HOST, port=port,
                              connections=connections, requests=requests, headers={})  # fmt: skip

    def _in_turns(self, *loads: Callable[[], Result | None]) -> list[Result | None]:
        """Short rounds of every load in turn, so that what else the machine does hits all; the medians."""
        rounds = [[load() for load in loads] for _ in range(self._rounds)]
        return [median(column) if column[0] else None for column in zip(*rounds, strict=True)]

    def writes(self, outstanding: Sequence[int]) -> None:
        print("Replicated durable writes, 100-byte values over 1,000 keys, at the leader; medians of", end=" ")
        print(f"{self._rounds} rounds of {self._seconds:.0f} s")
        etcd_puts = [
            {
                "method": "POST",
                "path": "/v3/kv/put",
                "body": json.dumps({"key": encode(f"k{i}"), "value": encode(VALUE)}),
            }
            for i in range(1000)
        ]
        rest_puts = [
            {"method": "PUT", "path": f"/api/v1/namespaces/load/entries/k{i}", "body": json.dumps({"value": VALUE})}
            for i in range(1000)
        ]
        for count in outstanding:
            theirs, ours, rest = self._in_turns(
                partial(self._etcd_load, count, etcd_puts),
                partial(self._client, count),
                partial(self._rest, count, rest_puts),
            )
            line(f"consensus.client, {count} outstanding", ours, theirs)
            if theirs and count == 1:
                budget("1 outstanding: p50 at most 1.5 times etcd's", ours.p50_ms <= 1.5 * theirs.p50_ms)
            if theirs and count == 64:
                budget("64 outstanding: at least 1.5 times etcd's rate", ours.rate >= 1.5 * theirs.rate)
            line(f"REST, {count} connections", rest, theirs)
            print(flush=True)

    def sizes(self, scale: float) -> None:
        """What a read of one key costs where there are few or many: it should be the same."""
        print("Reads of single keys, 16 connections, by the number of entries")
        held, medians = 0, []
        for size in (scaled(most, scale) for most in SIZES):
            self._fill(held, size)
            held = size
            paths = [f"/api/v1/namespaces/load/entries/k{i}" for i in range(0, size, max(1, size // 1000))]
            for name, query in (("linearizable", ""), ("stale", "?consistency=stale")):
                gets = [{"method": "GET", "path": path + query, "body": None} for path in paths]
                (result,) = self._in_turns(partial(self._rest, 16, gets))
                line(f"REST, {name}, {size} entries", result, None)
            medians.append(result.p50_ms)
        ratio = medians[-1] / medians[0]
        print(f"  {held} entries / {scaled(SIZES[0], scale)}, stale   p50 x {ratio:.2f}")
        budget("a stale read of 100,000 costs at most 1.5 times one of 1,000", ratio <= 1.5)
        print(flush=True)

    def reads(self) -> None:
        self._fill(0, 1000)
        print("Reads of single keys, at the leader")
        for name, query, body in (
            ("linearizable", "", {}),
            ("stale", "?consistency=stale", {"serializable": True}),
        ):
            gets = [
                {"method": "GET", "path": f"/api/v1/namespaces/load/entries/k{i}{query}", "body": None}
                for i in range(1000)
            ]
            ranges = [
                {"method": "POST", "path": "/v3/kv/range", "body": json.dumps({"key": encode(f"k{i}"), **body})}
                for i in range(1000)
            ]
            for connections in (1, 16, 64):
                theirs, ours = self._in_turns(
                    partial(self._etcd_load, connections, ranges), partial(self._rest, connections, gets)
                )
                line(f"REST, {name}, {connections} connections", ours, theirs)
            print(flush=True)
