"""Writes and reads, ours beside etcd's, never both at once."""

import json
import subprocess
import sys
from urllib.parse import urlsplit

from bench.etcd import Etcd, encode
from bench.measure import Result, budget, line
from config_service.localgroup.layout import BASE_DIR, HOST
from config_service.localgroup.parts import environment
from tests.support.group import RealGroup

VALUE = "v" * 100


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
    def __init__(self, group: RealGroup, etcd: Etcd | None, seconds: float):
        self._group = group
        self._etcd = etcd
        self._seconds = seconds
        self._leader = group.leader()
        self._environment = environment(group.layout, group.layout.nodes[self._leader])
        group.rest(self._leader, "PUT", "namespaces/load", {}).raise_for_status()

    def _rest(self, connections: int, requests: list[dict]) -> Result:
        url = urlsplit(self._group.url(self._leader))
        headers = {
            "Authorization": f"Bearer {self._group.credentials['token']}",
            "Content-Type": "application/json",
        }
        return child("bench.http", self._environment, host=url.hostname, port=url.port, connections=connections,
                     seconds=self._seconds, requests=requests, headers=headers)  # fmt: skip

    def _etcd_load(self, connections: int, requests: list[dict]) -> Result | None:
        if self._etcd is None:
            return None
        port = self._etcd.client_ports[self._etcd.leader()]
        return child("bench.http", self._environment, host=HOST, port=port, connections=connections,
                     seconds=self._seconds, requests=requests, headers={})  # fmt: skip

    def writes(self) -> None:
        print("Replicated durable writes, 100-byte values over 1,000 keys, at the leader")
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
        for outstanding in (1, 16, 64, 256):
            theirs = self._etcd_load(outstanding, etcd_puts)
            ours = child("bench.client", self._environment, outstanding=outstanding, seconds=self._seconds)
            line(f"consensus.client, {outstanding} outstanding", ours, theirs)
            if theirs and outstanding == 1:
                budget("1 outstanding: p50 at most 1.5 times etcd's", ours.p50_ms <= 1.5 * theirs.p50_ms)
            if theirs and outstanding == 64:
                budget("64 outstanding: at least 1.5 times etcd's rate", ours.rate >= 1.5 * theirs.rate)
            line(f"REST, {outstanding} connections", self._rest(outstanding, rest_puts), theirs)
            print(flush=True)

    def reads(self) -> None:
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
                theirs = self._etcd_load(connections, ranges)
                line(f"REST, {name}, {connections} connections", self._rest(connections, gets), theirs)
            print(flush=True)
