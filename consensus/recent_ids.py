"""Which request ids may have been applied lately: a memory that forgets late and never too early."""

from collections.abc import Iterable


class RecentIds:
    """Answers "maybe" for every id of the last ``window``, "no" for nearly everything else.

    Keeps only hashes, in two generations: when the newer one is full, the older one is dropped. A wrong "maybe" costs
    one look into the database; a wrong "no" cannot happen within the window.
    """

    def __init__(self, known: Iterable[str], window: int):
        self._window = window
        self._newer: set[int] = set()
        self._older = {hash(request_id) for request_id in known}

    def __contains__(self, request_id: str) -> bool:
        number = hash(request_id)
        return number in self._newer or number in self._older

    def add(self, request_ids: Iterable[str]) -> None:
        """These were applied. Ids of one log entry each, so ``window`` of them cover ``window`` entries."""
        self._newer.update(map(hash, request_ids))
        if len(self._newer) >= self._window:
            self._older, self._newer = self._newer, set()
