"""Load over HTTP: a number of keep-alive connections, each with one request outstanding. Run as a child process."""

import http.client
import json
import sys
import threading
import time

from bench.measure import summarize


def run(host: str, port: int, connections: int, seconds: float, requests: list[dict], headers: dict) -> list[float]:
    """Cycle through ``requests`` (method, path, body); returns [rate, p50, p99, failed]."""
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
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result = summarize(latencies, time.perf_counter() - started, failed)
    return [result.rate, result.p50_ms, result.p99_ms, result.failed]


if __name__ == "__main__":
    print(json.dumps(run(**json.load(sys.stdin))))
