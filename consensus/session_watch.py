"""Notices the end of the node's session in Postgres, also while nothing is written.

A server that crashed may have lost the last that was applied (applier.py). The sooner the life ends, the sooner it is
applied again, and nobody is told that it is there.
"""

from consensus.reactor import READ, Reactor
from consensus.storage import CONNECTION_ERRORS, PostgresStorage


class SessionWatch:
    """From `start`, with ``storage`` open, to `stop`, before it is closed. Belongs to the reactor's thread."""

    def __init__(self, reactor: Reactor, storage: PostgresStorage):
        self._reactor = reactor
        self._storage = storage
        self._descriptor = -1
        self._end: Exception | None = None

    def start(self) -> None:
        self._descriptor = self._storage.descriptor
        self._reactor.watch(self._descriptor, READ, self)

    def require_alive(self) -> None:
        """Raises what the session ended with."""
        if self._end is not None:
            raise self._end

    def stop(self) -> None:
        self._reactor.watch(self._descriptor, 0, self)

    # --- for the reactor -------------------------------------------------------------------------------------------
    def ready(self) -> None:
        try:
            self._storage.take_notices()
        except CONNECTION_ERRORS as error:
            self._end = error
            self.stop()

    def tick(self, now_s: float) -> None:
        """There is nothing to do at times."""
