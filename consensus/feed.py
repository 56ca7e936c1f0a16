"""From the runtime to this node's other processes: answers to what they asked, how far it has applied, its status.

Answers go to a list of the asking process in this node's own Redis, which expires if that process is gone. The applied
index goes out on a channel: whoever misses one learns it from the next, and reads what was applied from Postgres.
"""

from collections.abc import Mapping, Sequence

from consensus import keys
from consensus.conf import NodeConfig
from consensus.redis_io import Command, Pusher
from consensus.wire import Answer, encode

ANSWERS_KEPT_S = 30
STATUS_KEPT_MS = 3000


class Feed:
    def __init__(self, config: NodeConfig):
        self._config = config
        self._pusher = Pusher("feed", config.redis_url, _render)
        self._pusher.start()

    def publish_answers(self, answers: Mapping[str, Sequence[Answer]]) -> None:
        for client, group in answers.items():
            self._pusher.put((client, group))

    def publish_applied(self, index: int) -> None:
        self._pusher.put(("PUBLISH", keys.applied(self._config.group, self._config.node), index))

    def publish_status(self, status: bytes) -> None:
        key = keys.status(self._config.group, self._config.node)
        self._pusher.put(("SET", key, status, "PX", STATUS_KEPT_MS))

    def stop(self) -> None:
        self._pusher.stop()


def _render(items: list[tuple]) -> list[Command]:
    """Of what waited, answers to one process go in one push, and only the latest status and applied index go."""
    latest: dict[str, Command] = {}
    grouped: dict[str, list[Answer]] = {}
    for item in items:
        if item[0] in ("SET", "PUBLISH"):
            latest[item[0]] = item
        else:
            grouped.setdefault(item[0], []).extend(item[1])
    commands: list[Command] = []
    for key, answers in grouped.items():
        commands.append(("RPUSH", key, encode(answers)))
        commands.append(("EXPIRE", key, ANSWERS_KEPT_S))
    commands.extend(latest.values())
    return commands
