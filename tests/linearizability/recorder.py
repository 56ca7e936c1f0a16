"""Clients of one node in a process of their own: ``python -m tests.linearizability.recorder``.

The first line of its input says what to do (an `Assignment`, as JSON); the end of its input says to stop. Every
operation is written to a file when it ends. At the end it prints one line: how many operations there were, and what
the contract does not know.
"""

import json
import sys
import threading
import time
from itertools import count
from pathlib import Path
from random import Random

import django

django.setup()

from django.db import connection  # noqa: E402  (Django first)

from tests.linearizability.clients import NativeClient, RestClient, Unexpected  # noqa: E402
from tests.linearizability.history import UNKNOWN, Operation, encode  # noqa: E402
from tests.linearizability.workload import Assignment, Workload  # noqa: E402


class Recorder:
    def __init__(self, assignment: Assignment):
        self._assignment = assignment
        self._processes = count(assignment.first_process)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._file = Path(assignment.path).open("wb", buffering=0)  # noqa: SIM115 (open as long as the threads run)
        self.operations = 0
        self.slowest_s = 0.0
        self.unexpected: list[str] = []

    def run(self) -> None:
        assignment = self._assignment
        clients = [RestClient(assignment.url, assignment.token) for _ in range(assignment.rest)]
        clients += [NativeClient() for _ in range(assignment.native)]
        threads = [threading.Thread(target=self._loop, args=(client, i)) for i, client in enumerate(clients)]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self._stopping.set()
        for thread in threads:
            thread.join()
        self._file.close()

    def _loop(self, client: RestClient | NativeClient, number: int) -> None:
        assignment = self._assignment
        random = Random(f"{assignment.seed}/{assignment.node}/{number}")
        workload = Workload(f"{assignment.node}-{number}", random, assignment.started_ns, client.ops)
        process = next(self._processes)
        try:
            while not self._stopping.wait(random.uniform(0, assignment.pause_s)):
                if self._one(client, workload, process) == UNKNOWN:
                    process = next(self._processes)
        except Exception as error:
            with self._lock:
                self.unexpected.append(f"{type(error).__name__}: {error}")
        finally:
            client.close()
            connection.close()

    def _one(self, client: RestClient | NativeClient, workload: Workload, process: int) -> dict | str:
        op, key, arg = workload.next()
        start_ns = time.monotonic_ns()
        try:
            result = client.perform(op, key, arg)
        except Unexpected as error:
            result = UNKNOWN
            with self._lock:
                self.unexpected.append(f"{op} {key} at {self._assignment.node}: {error}")
        end_ns = time.monotonic_ns()
        workload.learn(op, key, arg, result)
        operation = Operation(
            process, op, key, arg, result, start_ns, None if result == UNKNOWN else end_ns, self._assignment.node
        )
        with self._lock:
            self.operations += 1
            self.slowest_s = max(self.slowest_s, (end_ns - start_ns) / 1e9)
            self._file.write(encode(operation) + b"\n")
        return result


if __name__ == "__main__":
    recorder = Recorder(Assignment(**json.loads(sys.stdin.readline())))
    recorder.run()
    told = {"operations": recorder.operations, "slowest_s": recorder.slowest_s, "unexpected": recorder.unexpected}
    print(json.dumps(told))
