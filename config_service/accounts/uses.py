"""When each API token was last used, to the hour, without a write for each request.

A web process remembers which tokens it has seen this hour and tells its node's Redis of each once. A scheduled task of
the node (tasks.py) collects that and proposes it, all tokens at once. So it is behind by up to an hour and a few
minutes, and a note that is lost with a Redis shows again with the next hour's.
"""

import logging
import threading
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

import redis
from django.db.models import Q

from config_service.accounts.commands import NoteTokenUse
from config_service.accounts.models import ApiToken
from config_service.proposing import propose
from consensus.conf import get_config
from consensus.redis_io import connect

logger = logging.getLogger(__name__)

MOST_REMEMBERED = 100_000
MOST_AT_ONCE = 1000


@lru_cache(maxsize=1)
def _redis(url: str) -> redis.Redis:
    return connect(url)


def _key() -> str:
    config = get_config()
    return f"{config.group}:token-uses:{config.node}"


class TokenUses:
    """What this process has told of the present hour. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hour = datetime.min.replace(tzinfo=UTC)
        self._told: set[UUID] = set()

    def note(self, token_id: UUID) -> None:
        """Never fails: a request is not to be refused for this."""
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        with self._lock:
            if hour != self._hour or len(self._told) >= MOST_REMEMBERED:
                self._hour, self._told = hour, set()
            if token_id in self._told:
                return
            self._told.add(token_id)
        try:
            _redis(get_config().redis_url).hset(_key(), str(token_id), hour.isoformat())
        except (redis.RedisError, OSError) as error:
            logger.debug("the use of a token is not noted: %s", error)


token_uses = TokenUses()


def propose_uses(actor: str) -> int:
    """Propose what this node's processes have noted since the last time; returns of how many tokens. What cannot be
    proposed now is kept for the next time."""
    client, key = _redis(get_config().redis_url), _key()
    noted = {UUID(token.decode()): at.decode() for token, at in client.hgetall(key).items()}
    for start in range(0, len(noted), MOST_AT_ONCE):
        piece = dict(sorted(noted.items())[start : start + MOST_AT_ONCE])
        if uses := _news(piece):
            propose(NoteTokenUse(uses), actor)
        client.hdel(key, *map(str, piece))
    return len(noted)


def _news(noted: dict[UUID, str]) -> tuple[tuple[UUID, str], ...]:
    """Without what another node has proposed already."""
    rows = ApiToken.objects.filter(Q(pk__in=noted)).values_list("pk", "last_used_at")
    known = dict(rows)
    return tuple(
        (token, at)
        for token, at in noted.items()
        if token in known and (known[token] is None or known[token] < datetime.fromisoformat(at))
    )
