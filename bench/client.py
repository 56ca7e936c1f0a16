"""Load through `consensus.client`: a number of writes always outstanding. Run as a child process of a node."""

import json
import sys
import threading
import time
import uuid

import django

from bench.measure import summarize

django.setup()

from config_service.entries.commands import PutEntry  # noqa: E402  (Django first)
from config_service.envelope import encode  # noqa: E402
from config_service.proposing import now  # noqa: E402
from consensus.client import get_client  # noqa: E402


def run(outstanding: int, seconds: float) -> list[float]:
    """Whoever is answered asks again at once; returns [rate, p50, p99, failed]."""
    client = get_client()
    latencies: list[float] = []
    failures: list[BaseException] = []
    idle = threading.Semaphore(0)
    stop_at = time.perf_counter() + seconds
    numbers = iter(range(1 << 60))

    def ask() -> None:
        key = f"k{next(numbers) % 1000}"
        payload = encode(PutEntry("load", key, '"' + "v" * 100 + '"', "string"), "bench", now())
        before = time.perf_counter()

        def answered(future) -> None:
            latencies.append(time.perf_counter() - before)
            if future.exception() is not None:
                failures.append(future.exception())
            if time.perf_counter() < stop_at:
                ask()
            else:
                idle.release()

        client.submit(payload, uuid.uuid4().hex).add_done_callback(answered)

    started = time.perf_counter()
    for _ in range(outstanding):
        ask()
    for _ in range(outstanding):
        idle.acquire()
    result = summarize(latencies, time.perf_counter() - started, len(failures))
    return [result.rate, result.p50_ms, result.p99_ms, result.failed]


if __name__ == "__main__":
    print(json.dumps(run(**json.load(sys.stdin))))
