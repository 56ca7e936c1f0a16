"""A reactor with a thread of its own, as the runtime has one."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from consensus.reactor import Reactor

T = TypeVar("T")


class Loop:
    def __init__(self) -> None:
        self.reactor = Reactor()
        self._stopping = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping:
            self.reactor.run(1)
        self.reactor.close()

    def call(self, work: Callable[[], T]) -> T:
        """Have the reactor's thread do it; its result."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)

        self.reactor.post(run)
        return done.result(10)

    def close(self) -> None:
        self._stopping = True
        self.reactor.post(lambda: None)
        self._thread.join(10)
