"""From the runtime to this node's other processes: answers to what they asked, how far it has applied, its status.

Answers go to a list of the asking process in this node's own Redis, which expires if that process is gone. The applied
index goes out on two channels: on one at once, for whoever has something to do then, and on one now and then, for all
others. Whoever misses one learns it from the next, and reads what was applied from Postgres. An answer that may have
been lost with a connection is given again: who has it already takes no notice.
"""

import time
from collections.abc import Mapping, Sequence

from consensus import keys
from consensus.conf import NodeConfig
from consensus.pusher import Pusher
from consensus.reactor import Reactor
from consensus.redis_io import Command
from consensus.requests import Answer
from consensus.series import MOST_POINTS
from consensus.wire import encode

ANSWERS_KEPT_S = 30
NOW_AND_THEN_S = 0.1
STATUS_KEPT_MS = 3000


class Feed:
    """Belongs to the reactor's thread."""

    def __init__(self, reactor: Reactor, config: NodeConfig):
        self._status_key = keys.status(config.group, config.node)
        self._applied_key = keys.applied(config.group, config.node)
        self._series_key = keys.series(config.group, config.node)
        self._applied_lately_key = keys.applied_lately(config.group, config.node)
        self._pusher: Pusher[_Item] = Pusher(reactor, "feed", config.redis_url, _render, _weigh, keeps=_is_answer)
        self._told = self._told_lately = 0
        self._told_lately_s = 0.0

    def publish(self, answers: Mapping[str, Sequence[Answer]], applied: int) -> None:
        """What there is to say after something was applied, in one push; ``applied`` only if that is news.

        To be called again and again, also when nothing happens: what was held back goes out then.
        """
        for client, group in answers.items():
            self._pusher.put((client, group))
        if applied > self._told:
            self._told = applied
            self._pusher.put(("", ("PUBLISH", self._applied_key, applied)))
        if applied > self._told_lately and (now_s := time.monotonic()) - self._told_lately_s >= NOW_AND_THEN_S:
            self._told_lately, self._told_lately_s = applied, now_s
            self._pusher.put(("", ("PUBLISH", self._applied_lately_key, applied)))
        self._pusher.flush()

    def publish_status(self, status: bytes) -> None:
        self._pusher.put(("", ("SET", self._status_key, status, "PX", STATUS_KEPT_MS)))
        self._pusher.flush()

    def add_point(self, point: bytes) -> None:
        self._pusher.put(("", ("RPUSH", self._series_key, point)))
        self._pusher.put(("", ("LTRIM", self._series_key, -MOST_POINTS, -1)))
        self._pusher.flush()

    def delete(self, gone: Sequence[bytes]) -> None:
        """Delete lists of this node's Redis."""
        if gone:
            self._pusher.put(("", ("UNLINK", *gone)))
            self._pusher.flush()

    def stop(self) -> None:
        self._pusher.stop()


# The answer list and the answers for it; or "" and a command.
_Item = tuple[str, Sequence]


def _render(items: list[_Item]) -> list[Command]:
    """Of what waited, answers to one process go in one push, and only the latest status and applied index go."""
    latest: dict[tuple, Command] = {}
    grouped: dict[str, list[Answer]] = {}
    for key, content in items:
        if key:
            grouped.setdefault(key, []).extend(content)
        else:
            latest[content[:2]] = content
    commands: list[Command] = []
    for key, answers in grouped.items():
        commands.append(("RPUSH", key, encode(answers)))
        commands.append(("EXPIRE", key, ANSWERS_KEPT_S))
    commands.extend(latest.values())
    return commands


def _is_answer(item: _Item) -> bool:
    return bool(item[0])


def _weigh(item: _Item) -> int:
    """About how many bytes it takes."""
    key, content = item
    if key:
        return 64 + sum(32 + len(answer.result) for answer in content)
    return 64 + sum(len(part) for part in content if isinstance(part, bytes | str))
