"""What one watcher has not been told yet: from the window or, where that does not reach back, from the history."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

from django.db import Error as DatabaseError

from config_service.entries.models import IDS_PER_REVISION
from config_service.entries.snapshots import ChangeSnapshot
from config_service.live.authority import Credential
from config_service.live.follower import DATABASE_ERRORS
from config_service.live.hub import Live
from config_service.live.watchers import Watcher

logger = logging.getLogger(__name__)

RETRY_S = 1.0


class Ended(Exception):
    """The watch is over; ``reason`` is stable, ``more`` goes to the watcher with it."""

    def __init__(self, reason: str, detail: str, **more: Any):
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.more = more


class Watch:
    """To be closed. ``namespace`` "" is all that the caller may read; told is what came after the id ``after``."""

    def __init__(self, live: Live, credential: Credential, namespace: str, prefix: str, after: int):
        self._live = live
        self._credential = credential
        self._watcher = Watcher(namespace, prefix, after)
        self._registered = False
        self.failing = False

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
        """Whether there is nothing more to be had now."""
        return self._registered and not self._watcher.pending

    def wake(self) -> None:
        self._watcher.woken.set()

    async def wait(self, timeout_s: float) -> None:
        """Until something may be new, or ``timeout_s`` has passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, timeout_s)):
                await self._watcher.woken.wait()

    async def next(self) -> list[list[ChangeSnapshot]]:
        """What is new and for this caller, by revision; nothing where there is nothing, or the database is away.

        Raises `Ended`.
        """
        self._watcher.woken.clear()
        try:
            await self._require_allowed()
            self.failing = False
            found = self._from_window()
            if found is None:
                self.close()
                found = await self._from_history()
            return await self._permitted(found)
        except (*DATABASE_ERRORS, DatabaseError) as error:
            if not self.failing:
                logger.warning("a watch cannot read its database: %s", str(error).strip() or "no answer")
            self.failing = True
            await asyncio.sleep(RETRY_S)
            return []

    async def _require_allowed(self) -> None:
        watchers = self._live.watchers
        if watchers.stopping:
            raise Ended("stopping", "this node stops: go on at another one")
        if watchers.draining:
            raise Ended("draining", "this node is being taken out of service: go on at another one")
        decision = await self._live.authority.may_read(self._credential, self._watcher.namespace)
        if not decision.allowed:
            raise Ended("not_allowed", decision.problem)

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
