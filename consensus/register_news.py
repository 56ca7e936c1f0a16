"""What this node knows to be chosen, in the order in which it learned it: for stale reads, lists and watchers.

A process of the node asks for what came after the last position that it was told, and waits if that is nothing. What
is told may be old; what is told is never taken back, and a register's versions come in order.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

from consensus.paxos.register import Register, Stored
from consensus.pending import Waiter
from consensus.requests import Answer, RegisterNews, RegisterNewsRequest, RegisterState
from consensus.wire import encode

PAGE_BYTES = 256 << 10


class NewsDesk:
    """``life`` tells the positions of this life of the node from those of others."""

    def __init__(self, life: int, reply: Callable[[str, Answer], None]):
        self._life = life
        self._reply = reply
        self._position = 0
        # Oldest news first: (position, state).
        self._known: dict[str, tuple[int, RegisterState]] = {}
        self._waiting: list[tuple[RegisterNewsRequest, Waiter]] = []
        self.digest = 0

    def learned(self, news: Iterable[tuple[str, Stored]]) -> None:
        for name, stored in news:
            if isinstance(stored, Register):
                self._forget(name)
                self._position += 1
                self._known[name] = (self._position, RegisterState(name, stored.version, stored.value))
                self.digest ^= _mark(self._known[name][1])
        if self._waiting:
            self._answer_waiting()

    def drop(self, gone: Callable[[str], bool]) -> None:
        """Forget the tombstones of registers that are erased for good."""
        for name in [name for name, (_, state) in self._known.items() if state.value is None and gone(name)]:
            self._forget(name)

    def _forget(self, name: str) -> None:
        before = self._known.pop(name, None)
        if before is not None:
            self.digest ^= _mark(before[1])

    def request(self, request: RegisterNewsRequest, waiter: Waiter) -> None:
        self._waiting.append((request, waiter))
        self._answer_waiting()

    def tick(self, now_ms: int) -> None:
        late = [one for one in self._waiting if one[1].deadline_ms <= now_ms]
        self._waiting = [one for one in self._waiting if one[1].deadline_ms > now_ms]
        for request, waiter in late:
            self._tell(request, waiter)

    def _answer_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for request, waiter in waiting:
            if request.life != self._life or request.position < self._position:
                self._tell(request, waiter)
            else:
                self._waiting.append((request, waiter))

    def _tell(self, request: RegisterNewsRequest, waiter: Waiter) -> None:
        whole = request.life != self._life
        after = 0 if whole else request.position
        page: list[RegisterState] = []
        size, position, more = 0, after, False
        for at, state in self._after(after):
            if size > PAGE_BYTES:
                more = True
                break
            page.append(state)
            size += 64 + len(state.value or b"")
            position = at
        news = RegisterNews(self._life, position if more else self._position, whole, more, tuple(page))
        self._reply(waiter.reply_to, Answer(waiter.token, "ok", result=encode(news)))

    def _after(self, position: int) -> Iterator[tuple[int, RegisterState]]:
        newest_first = []
        for at, state in reversed(self._known.values()):
            if at <= position:
                break
            newest_first.append((at, state))
        return reversed(newest_first)


def _mark(state: RegisterState) -> int:
    """One number for a live register at its version; nothing for a deleted one, which some may have erased already."""
    if state.value is None:
        return 0
    return int.from_bytes(blake2b(f"{state.version} {state.name}".encode(), digest_size=8).digest(), "big")
