"""How changes of entries are told, in a stream and in a poll.

Ids: a revision's last event has the revision as its id; where one revision (a transaction) changes several entries,
those before it have ids of the form ``REVISION.PLACE``. So wherever a stream breaks, resuming after the last id that
arrived neither loses nor repeats anything.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from config_service.api.events import EventTexts, event, event_body, event_id
from config_service.api.streams import Stream
from config_service.api.watch import Ticket
from config_service.bridge import Send
from config_service.entries.snapshots import ChangeSnapshot
from config_service.live.hub import Live
from config_service.live.watch import Watch

# How long a poll waits for what its node had applied when it was asked.
CATCH_UP_S = 2.0


class EntryAnswers:
    """See `watches.Answers`."""

    def __init__(self) -> None:
        self._texts = EventTexts()

    def watch(self, live: Live, ticket: Ticket) -> Watch:
        return Watch(live, ticket.credential, ticket.namespace, ticket.prefix, ticket.after)

    def stream(self, live: Live, watch: Watch, send: Send, gone: asyncio.Future[None]) -> "EntryStream":
        return EntryStream(live, watch, self._texts, send, gone)

    async def before_poll(self, live: Live, ticket: Ticket) -> None:
        with contextlib.suppress(TimeoutError):
            await live.follower.reach(ticket.revision, CATCH_UP_S)

    def poll_body(self, watch: Watch, found: list[ChangeSnapshot]) -> dict[str, Any]:
        return {"revision": watch.revision, "items": [event_body(change) for change in found]}


class EntryStream(Stream[Watch]):
    def __init__(self, live: Live, watch: Watch, texts: EventTexts, send: Send, gone: asyncio.Future[None]):
        super().__init__(live, watch, send, gone)
        self._event_texts = texts
        self._told_id = ""

    def _start(self) -> bytes:
        self._told_id = event_id(self._watch.position)
        start = {"revision": self._watch.revision, "node": self._live.config.node}
        return event("start", start, self._told_id)

    def _texts(self, news: list[list[ChangeSnapshot]]) -> Iterator[list[bytes]]:
        """Whole revisions travel together."""
        for changes in news:
            self._told_id = str(changes[-1].revision)
            yield self._event_texts.revision(changes)

    def _progress(self) -> bytes:
        """So even one that is told nothing for long need not begin again before what was compacted meanwhile."""
        now = event_id(self._watch.position)
        if not self._watch.caught_up or now == self._told_id:
            return b""
        self._told_id = now
        return event("progress", {"revision": self._watch.revision}, now)
