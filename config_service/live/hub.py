"""What one web process keeps in memory, put together; there is one `Live` a process, while its event loop runs."""

from collections.abc import Callable
from concurrent.futures import Executor

from config_service.entries.snapshots import EntrySnapshot
from config_service.live.authority import Authority, Credential, Decision
from config_service.live.changes import ChangeReader
from config_service.live.follower import Follower
from config_service.live.replica import Replica
from config_service.live.rounds import ReadRounds
from config_service.live.standing import Standing
from config_service.live.switch_news import SwitchNews
from config_service.live.watchers import Watchers
from config_service.live.window import Window
from config_service.switches import board
from consensus import reads, services
from consensus.client import Client
from consensus.conf import NodeConfig

DECIDE_WITHIN_S = 1.0


class Live:
    """``render`` and ``decide`` are the rules of whoever answers: see `Replica` and `Authority`."""

    def __init__(
        self,
        config: NodeConfig,
        client: Client,
        pool: Executor,
        render: Callable[[EntrySnapshot], bytes | None],
        decide: Callable[[Credential, str], Decision],
        most_bytes: int,
    ):
        self.config = config
        self.client = client
        self._decide = decide
        self.authority = Authority(self._decide_by_what_is_known, pool)
        self.replica = Replica(render, most_bytes)
        self.window = Window()
        self.standing = Standing(lambda: services.group_view(), pool)
        self.watchers = Watchers(self.window, self.standing)
        self.follower = Follower(config, self.replica, self.window, self.watchers, self.authority.forget)
        self.switches = SwitchNews(lambda: board.get_board())
        self.history = ChangeReader()
        self.rounds = ReadRounds(client.submit_read)

    def start(self) -> None:
        self.follower.start()

    async def stop(self) -> None:
        await self.follower.stop()
        await self.history.close()
        self.rounds.stop()

    def _decide_by_what_is_known(self, credential: Credential, subject: str) -> Decision:
        """In a thread. Not by tables that a crash of Postgres has put back: what is remembered of them would stay when
        they are as before."""
        reads.reach(self.known(), DECIDE_WITHIN_S)
        return self._decide(credential, subject)

    def known(self) -> int:
        """The greatest index that anybody in this process was told to be applied here."""
        return max(self.follower.known, self.client.applied_index)


_current: Live | None = None


def set_current(live: Live | None) -> None:
    global _current
    _current = live


def current() -> Live | None:
    """This process's, None in one that has no event loop: a command, the worker."""
    return _current
