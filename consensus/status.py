"""A node's view of its group, published by its runtime for its web processes. Nothing rests on it but what people see.

It is written to the node's own Redis several times a second, and to its Postgres about once a second, so that either
may be away. Ages are measured by the runtime on its monotonic clock; a reader adds the age of the status itself.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import redis
from django.db import DatabaseError, connection

from consensus import keys
from consensus.conf import NodeConfig
from consensus.load import Load
from consensus.models import PublishedStatus
from consensus.redis_io import connect

logger = logging.getLogger(__name__)

# A runtime that has not published for so long does not run, as far as its web processes can tell.
FRESH_S = 2.5


class MemberStatus(msgspec.Struct, frozen=True):
    """One node as the publishing node knows it; ``heard_ms`` is None if it was never heard of."""

    node: str
    role: str
    term: int
    commit_index: int
    applied_index: int
    heard_ms: int | None
    state: str
    web_url: str
    halted: str
    voter: bool = True
    # How much of an image of the tables it has got from the publishing node: bytes taken, bytes in all; None: no image.
    image: tuple[int, int] | None = None
    leading_ms: int = 0
    load: Load | None = None


class JoiningStatus(msgspec.Struct, frozen=True):
    """A node that asks to join."""

    node: str
    address: str
    web_url: str
    heard_ms: int


class Status(msgspec.Struct, frozen=True):
    group: str
    node: str
    leader: str
    term: int
    role: str
    epoch: int
    commit_index: int
    applied_index: int
    last_index: int
    leader_heard_ms: int | None
    published_at: float
    waiting: int
    scheduler_late_ms: int
    frames_refused: dict[str, int]
    frames_dropped: int
    members: tuple[MemberStatus, ...]
    joining: tuple[JoiningStatus, ...] = ()
    base_index: int = 0
    admitted: bool = True
    outside: bool = False
    membership_settled: bool = True
    # Why this node's tables are not to be trusted, "" while nothing is known against them.
    diverged: str = ""
    # Where they were last the same as a majority's; where voters differed and no majority agreed. 0: nowhere.
    verified_index: int = 0
    disputed_index: int = 0
    # What was decreed when the group was founded; "" where it was founded without, and where there is none.
    group_id: str = ""
    # Why there is no group yet, "" where this node knows of one.
    waits_for: str = ""
    # Why this node's runtime has stopped for good, "" while it has not.
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """A status and how old it is; ``status`` is None if there has never been one."""

    status: Status | None
    age_s: float

    @property
    def running(self) -> bool:
        return self.status is not None and self.age_s < FRESH_S


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Status)
WRITE = """
INSERT INTO consensus_publishedstatus (id, published_at, status) VALUES (1, %s, %s)
ON CONFLICT (id) DO UPDATE SET published_at = excluded.published_at, status = excluded.status
"""


def encode_status(status: Status) -> bytes:
    return _encoder.encode(status)


def write_to_database(status: Status) -> None:
    with connection.cursor() as cursor:
        cursor.execute(WRITE, (datetime.fromtimestamp(status.published_at, UTC), encode_status(status)))


class StatusReader:
    """Reads the latest status from Redis, or from Postgres when Redis is away."""

    def __init__(self, config: NodeConfig):
        self._key = keys.status(config.group, config.node)
        self._redis: redis.Redis = connect(config.redis_url)

    def read(self) -> Read:
        raw = self._from_redis() or self._from_database()
        if raw is None:
            return Read(None, 0.0)
        status = _decoder.decode(raw)
        return Read(status, max(0.0, datetime.now(UTC).timestamp() - status.published_at))

    def _from_redis(self) -> bytes | None:
        try:
            found = self._redis.get(self._key)
        except (redis.RedisError, OSError):
            return None
        return found if isinstance(found, bytes) else None

    def _from_database(self) -> bytes | None:
        try:
            row = PublishedStatus.objects.filter(id=1).first()
        except DatabaseError:
            return None
        return bytes(row.status) if row else None
