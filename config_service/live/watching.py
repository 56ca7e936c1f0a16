"""What all watches share: whether the caller may go on, waiting for news, and how a watch ends."""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

from django.db import Error as DatabaseError

from config_service.live.authority import Credential
from config_service.live.follower import DATABASE_ERRORS
from config_service.live.hub import Live
from consensus.errors import ConsensusError

logger = logging.getLogger(__name__)

RETRY_S = 1.0
News = TypeVar("News")


class Ended(Exception):
    """The watch is over; ``reason`` is stable, ``more`` goes to the watcher with it."""

    def __init__(self, reason: str, detail: str, **more: Any):
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.more = more


class Watching(ABC, Generic[News]):
    """To be closed. ``subject`` is what the caller must be allowed to read (see `Authority`)."""

    def __init__(self, live: Live, credential: Credential, subject: str, woken: asyncio.Event):
        self._live = live
        self._credential = credential
        self._subject = subject
        self._woken = woken
        self.failing = False

    @abstractmethod
    def close(self) -> None: ...

    @property
    @abstractmethod
    def caught_up(self) -> bool:
        """Whether there is nothing more to be had now."""

    @abstractmethod
    async def _news(self) -> list[News]: ...

    def wake(self) -> None:
        self._woken.set()

    async def wait(self, timeout_s: float) -> None:
        """Until something may be new, or ``timeout_s`` has passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, timeout_s)):
                await self._woken.wait()

    async def next(self) -> list[News]:
        """What is new; nothing where there is nothing, or the database is away. Raises `Ended`."""
        self._woken.clear()
        try:
            await self._require_allowed()
            self.failing = False
            return await self._news()
        except (*DATABASE_ERRORS, DatabaseError, ConsensusError) as error:
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
        decision = await self._live.authority.may_read(self._credential, self._subject)
        if not decision.allowed:
            raise Ended("not_allowed", decision.problem)
