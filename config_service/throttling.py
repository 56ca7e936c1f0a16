"""So many requests a second for each caller, with a burst (a token bucket). Counted by each web process for itself."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from django.conf import settings

MOST_CALLERS = 10_000


class Throttle:
    """``rate_per_s`` 0: no limit. Thread-safe."""

    def __init__(self, rate_per_s: float, burst: float, clock_s: Callable[[], float] = time.monotonic):
        self._rate_per_s = rate_per_s
        self._burst = max(1.0, burst)
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> float:
        """Count one request; returns 0, or, if there was nothing left, after how many seconds there will be."""
        if not self._rate_per_s:
            return 0.0
        with self._lock:
            now_s = self._clock_s()
            left, at_s = self._buckets.pop(caller, (self._burst, now_s))
            left = min(self._burst, left + (now_s - at_s) * self._rate_per_s)
            taken = left >= 1
            self._buckets[caller] = (left - taken, now_s)
            if len(self._buckets) > MOST_CALLERS:
                self._buckets.popitem(last=False)
            return 0.0 if taken else (1 - left) / self._rate_per_s


throttle = Throttle(settings.API_RATE_PER_S, settings.API_BURST)
