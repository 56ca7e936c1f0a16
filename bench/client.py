"""Load through `consensus.client`: a number of writes always outstanding. Run as a child process of a node."""

import json
import sys
import threading
import time
import uuid
from dataclasses import astuple

import django

from bench.measure import spent_s, summarize

django.setup()

from config_service.entries.commands import PutEntry  # noqa: E402  (Django first)
from config_service.envelope import encode  # noqa: E402
from config_service.proposing import now  # noqa: E402
from consensus.client import get_client  # noqa: E402


def run(
    outstanding: int,
    seconds: float,
    pids: list[int],
    first: int = 0,
    keys: int = 1000,
    writes: int = 0,
    namespace: str = "load",
) -> tuple[float, ...]:
    """Whoever is answered asks again at once; returns the fields of a `Result`, with the time that ``pids`` spent.

    Goes round over ``keys`` keys from number ``first`` on, for ``seconds``; if that is 0, for so many ``writes``, by
    default one for each key.
    """
    client = get_client()
    latencies: list[float] = []
    failures: list[BaseException] = []
    idle = threading.Semaphore(0)
    stop_at = time.perf_counter() + seconds
    numbers = iter(range(1 << 60 if seconds else (writes or keys) - outstanding))

    def ask(number: int) -> None:
        key = f"k{first + number % keys}"
        payload = encode(PutEntry(namespace, key, '"' + "v" * 100 + '"', "string"), "bench", now())
        before = time.perf_counter()

        def answered(future) -> None:
            latencies.append(time.perf_counter() - before)
            if future.exception() is not None:
                failures.append(future.exception())
            following = next(numbers, None)
            if following is None or (seconds and time.perf_counter() >= stop_at):
                idle.release()
            else:
                ask(following + outstanding)

        client.submit(payload, uuid.uuid4().hex).add_done_callback(answered)

    spent, started = spent_s(pids), time.perf_counter()
    for number in range(outstanding):
        ask(number)
    for _ in range(outstanding):
        idle.acquire()
    return astuple(summarize(latencies, time.perf_counter() - started, len(failures), spent_s(pids) - spent))


if __name__ == "__main__":
    print(json.dumps(run(**json.load(sys.stdin))))
