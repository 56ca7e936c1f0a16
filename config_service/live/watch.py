"""What one watcher has not been told yet: from the window or, where that does not reach back, from the history."""

from collections.abc import Sequence

from config_service.entries.models import IDS_PER_REVISION
from config_service.entries.snapshots import ChangeSnapshot
from config_service.live.authority import Credential
from config_service.live.hub import Live
from config_service.live.watchers import Watcher
from config_service.live.watching import Ended, Watching


class Watch(Watching[list[ChangeSnapshot]]):
    """To be closed. ``namespace`` "" is all that the caller may read; told is what came after the id ``after``."""

    def __init__(self, live: Live, credential: Credential, namespace: str, prefix: str, after: int):
        self._watcher = Watcher(namespace, prefix, after)
        self._registered = False
        super().__init__(live, credential, namespace, self._watcher.woken)

    def close(self) -> None:
        if self._registered:
            self._live.watchers.remove(self._watcher)
            self._registered = False

    @property
    def position(self) -> int:
        """Everything up to this id was told."""
        return self._watcher.position

    @property
    def revision(self) -> int:
        return (self._watcher.position + 1) // IDS_PER_REVISION - 1

    @property
    def caught_up(self) -> bool:
        return self._registered and not self._watcher.pending

    async def _news(self) -> list[list[ChangeSnapshot]]:
        """What is new and for this caller, by revision."""
        found = self._from_window()
        if found is None:
            self.close()
            found = await self._from_history()
        return await self._permitted(found)

    def _from_window(self) -> list[list[ChangeSnapshot]] | None:
        """None: the window does not reach back so far."""
        watcher, watchers = self._watcher, self._live.watchers
        if self.caught_up:
            watchers.settle(watcher)
            return []
        found = self._live.window.after(watcher.position) if self._live.follower.ready else None
        if found is not None:
            if not self._registered:
                watchers.add(watcher)
                self._registered = True
            watchers.settle(watcher)
        return found and self._wanted(found)

    async def _from_history(self) -> list[list[ChangeSnapshot]]:
        page = await self._live.history.page(self._watcher.position)
        if self.revision < page.head.oldest:
            detail = f"history reaches back to revision {page.head.oldest} only"
            raise Ended("compacted", detail, oldest_revision=page.head.oldest)
        grouped: dict[int, list[ChangeSnapshot]] = {}
        for change in page.changes:
            grouped.setdefault(change.revision, []).append(change)
        self._watcher.position = page.reached
        return self._wanted(grouped.values())

    def _wanted(self, revisions: "Sequence[Sequence[ChangeSnapshot]]") -> list[list[ChangeSnapshot]]:
        wants = self._watcher.wants
        wanted = [[change for change in changes if wants(change)] for changes in revisions]
        return [changes for changes in wanted if changes]

    async def _permitted(self, revisions: list[list[ChangeSnapshot]]) -> list[list[ChangeSnapshot]]:
        """Without the namespaces that a caller who watches all of them may not read."""
        if self._watcher.namespace or not revisions:
            return revisions
        names = {change.namespace for changes in revisions for change in changes}
        may = {name: (await self._live.authority.may_read(self._credential, name)).allowed for name in names}
        kept = [[change for change in changes if may[change.namespace]] for changes in revisions]
        return [changes for changes in kept if changes]
