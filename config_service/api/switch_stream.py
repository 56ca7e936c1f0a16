"""How changes of switches are told, in a stream and in a poll.

An id says which version of each switch was told (`live.switch_seen`), so with it one goes on at any node. It is long,
so only the last of several events that are told together has one: where a stream breaks among them, they come again.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from config_service.api.events import event
from config_service.api.renderers import to_json
from config_service.api.streams import Stream
from config_service.api.switch_watch import SwitchTicket
from config_service.bridge import Send
from config_service.live.hub import Live
from config_service.live.switch_watch import SwitchWatch
from config_service.live.watching import Ended
from config_service.switches.stored import SwitchSnapshot


def change_body(switch: SwitchSnapshot) -> dict[str, Any]:
    """The value of a deletion is null; who did that and when is null too once the group has forgotten the switch."""
    return {
        "name": switch.name,
        "operation": "put" if switch.value_json else "delete",
        "value": msgspec.Raw(switch.value_json.encode()) if switch.value_json else None,
        "version": switch.version,
        "time": switch.updated_at or None,
        "actor": switch.updated_by or None,
        "comment": switch.comment,
    }


class SwitchAnswers:
    """See `watches.Answers`."""

    def __init__(self) -> None:
        self._texts = _Texts()

    def watch(self, live: Live, ticket: SwitchTicket) -> SwitchWatch:
        return SwitchWatch(live, ticket.credential, ticket.wanted, ticket.seen, ticket.vanished, ticket.whole)

    def stream(self, live: Live, watch: SwitchWatch, send: Send, gone: asyncio.Future[None]) -> "SwitchStream":
        return SwitchStream(live, watch, self._texts, send, gone)

    async def before_poll(self, live: Live, ticket: SwitchTicket) -> None:
        """The view has seen to it that the node knows switches at all."""

    def poll_body(self, watch: SwitchWatch, found: list[SwitchSnapshot]) -> dict[str, Any]:
        seen = watch.seen.text()
        if not seen:
            raise Ended("too_many", "what was seen of so many switches is too long: poll for those with a prefix")
        # A switch that was changed again meanwhile is told once.
        newest = {switch.name: switch for switch in found}
        return {"whole": watch.whole, "items": [change_body(switch) for switch in newest.values()], "seen": seen}


class _Texts:
    """Renders a change once for all who are told of it about the same time."""

    def __init__(self) -> None:
        self._data: dict[str, tuple[SwitchSnapshot, bytes]] = {}

    def data(self, switch: SwitchSnapshot) -> bytes:
        known, data = self._data.get(switch.name, (None, b""))
        if known is not switch:
            data = to_json(change_body(switch))
            self._data[switch.name] = (switch, data)
        return data


class SwitchStream(Stream[SwitchWatch]):
    def __init__(self, live: Live, watch: SwitchWatch, texts: _Texts, send: Send, gone: asyncio.Future[None]):
        super().__init__(live, watch, send, gone)
        self._known_texts = texts
        self._said_current = False

    def _start(self) -> bytes:
        return event("start", {"node": self._live.config.node, "whole": self._watch.whole})

    def _texts(self, news: list[list[SwitchSnapshot]]) -> Iterator[list[bytes]]:
        for switches in news:
            *others, last = switches
            for switch in others:
                yield [event("change", self._known_texts.data(switch))]
            yield [event("change", self._known_texts.data(last), self._watch.seen.text())]
        if not self._said_current and self._watch.caught_up:
            self._said_current = True
            yield [event("current", {}, self._watch.seen.text())]

    def _progress(self) -> bytes:
        return b""
