"""The last minutes in numbers: a point every few seconds, kept as a bounded list in the node's own Redis.

Each node writes down what it knows of the whole group. Nothing rests on it; it is gone when that Redis is.
"""

import time
from collections.abc import Iterable

import msgspec
import redis

from consensus import keys
from consensus.conf import NodeConfig
from consensus.load import Load, quantile_ms, total
from consensus.redis_io import connect

EVERY_MS = 2000
MOST_POINTS = 300


class Point(msgspec.Struct, frozen=True, array_like=True):
    """``at`` is a Unix time. Rates are per second over the group; latencies in ms, None where nothing was written."""

    at: float
    writes: float
    reads: float
    p50_ms: float | None
    p99_ms: float | None
    watchers: int


_decoder = msgspec.json.Decoder(Point)


def point(loads: Iterable[Load]) -> bytes:
    load = total(loads)
    made = Point(
        round(time.time(), 1),
        round(load.writes, 1),
        round(load.reads, 1),
        _rounded(quantile_ms(load.times, 0.5)),
        _rounded(quantile_ms(load.times, 0.99)),
        load.watchers,
    )
    return msgspec.json.encode(made)


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 2)


class SeriesReader:
    def __init__(self, config: NodeConfig):
        self._key = keys.series(config.group, config.node)
        self._redis: redis.Redis = connect(config.redis_url)

    def read(self, after: float = 0.0) -> list[Point]:
        """The points later than ``after``, oldest first; none where Redis does not answer."""
        try:
            found = self._redis.lrange(self._key, 0, -1)
        except (redis.RedisError, OSError):
            return []
        points = (_decoder.decode(raw) for raw in found)
        return [one for one in points if one.at > after]
