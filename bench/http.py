"""Load over HTTP: a number of keep-alive connections, each with one request outstanding. Run as a child process."""

import http.client
import json
import sys
import threading
import time
from dataclasses import astuple

from bench.measure import spent_s, summarize


def run(
    host: str, port: int, connections: int, seconds: float, requests: list[dict], headers: dict, pids: list[int]
) -> tuple[float, ...]:
    """Cycle through ``requests`` (method, path, body); returns the fields of a `Result`, with what ``pids`` spent."""
    latencies: list[float] = []
    failed = 0
    stop_at = time.perf_counter() + seconds

    def connection(offset: int) -> None:
        nonlocal failed
        client = http.client.HTTPConnection(host, port, timeout=10)
        i = offset
        while time.perf_counter() < stop_at:
            request = requests[i % len(requests)]
            i += connections
            before = time.perf_counter()
            client.request(request["method"], request["path"], request["body"], headers)
            answer = client.getresponse()
            answer.read()
            latencies.append(time.perf_counter() - before)
            failed += answer.status >= 400
        client.close()

    threads = [threading.Thread(target=connection, args=(i,)) for i in range(connections)]
    spent, started = spent_s(pids), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return astuple(summarize(latencies, time.perf_counter() - started, failed, spent_s(pids) - spent))


if __name__ == "__main__":
    print(json.dumps(run(**json.load(sys.stdin))))
