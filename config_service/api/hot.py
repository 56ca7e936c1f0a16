"""Reads of single entries, answered on the event loop from memory: the same bytes as `entries.EntryView`.

Taken is only what is usual: a GET with a bearer token, of an entry that is held, with no parameter but the
consistency. Everything else, every refusal and every doubt goes to Django, which knows the whole contract; what was
found out on the way (the round of ReadIndex, which may have taken long) goes along.
"""

from django.db import Error as DatabaseError

from config_service.api.base import READ_ROUND
from config_service.api.bodies import etag, none_matches
from config_service.api.usual import CONTENT_TYPE, FRAME, POLICY, KnownHosts, usual_headers
from config_service.bridge import Headers, Scope, Send
from config_service.entries.validation import RESERVED_ENDINGS
from config_service.live.authority import Credential
from config_service.live.hub import Live
from config_service.live.replica import Held
from config_service.throttling import Throttle
from consensus.errors import ConsensusError

_BASE, _ENTRIES = "/api/v1/namespaces/", "/entries/"
_QUERIES = {b"": "linearizable", b"consistency=linearizable": "linearizable", b"consistency=stale": "stale"}
_MATTER = frozenset((b"authorization", b"host", b"if-none-match"))
CATCH_UP_S = 2.0


class HotReads:
    def __init__(self, live: Live, throttle: Throttle):
        self._live = live
        self._throttle = throttle
        self._hosts = KnownHosts()
        self.answered = 0
        # As the views put them.
        self._node: Headers = [
            (b"allow", b"GET, PUT, DELETE, HEAD, OPTIONS"),
            (b"config-node", live.config.node.encode()),
        ]

    async def answer(self, scope: Scope, send: Send, extra: dict[str, object]) -> int:
        """Answer if this is one for us; the status, or 0: Django is to answer, with ``extra`` in its ``META``."""
        live = self._live
        consistency = _QUERIES.get(scope["query_string"])
        namespace, found, key = scope["path"][len(_BASE) :].partition(_ENTRIES)
        if not consistency or not found or key.endswith(RESERVED_ENDINGS) or not live.follower.ready:
            return 0
        headers = usual_headers(scope["headers"], _MATTER)
        if headers is None or headers.get(b"host", "") not in self._hosts:
            return 0
        credential = Credential(headers.get(b"authorization", ""))
        if not await self._allowed(credential, namespace):
            return 0
        age_ms = None
        try:
            if consistency == "linearizable":
                extra[READ_ROUND] = index = await live.rounds.index()
            else:
                if (await live.standing.look()).diverged:
                    return 0
                index, age_ms = live.known(), await live.standing.age_ms()
            await live.follower.reach(index, CATCH_UP_S)
        except ConsensusError as error:
            extra[READ_ROUND] = error
            return 0
        except TimeoutError:
            return 0
        # Nothing is awaited from here on, so what the caller may do and what is told are of one revision.
        decision, held = live.authority.known(credential, namespace), live.replica.get(namespace, key)
        if decision is None or not decision.allowed or held is None or self._throttle.take(decision.throttled_by):
            return 0
        live.client.note_applied(live.replica.revision)
        told = [(b"config-revision", b"%d" % live.replica.revision), (b"config-consistency", consistency.encode())]
        if age_ms is not None:
            told.append((b"config-age-ms", b"%d" % age_ms))
        return await self._send(held, headers.get(b"if-none-match", ""), told, send)

    async def _allowed(self, credential: Credential, namespace: str) -> bool:
        """Where the database cannot be asked, or is behind what is known, Django is to say so."""
        decision = self._live.authority.known(credential, namespace)
        try:
            return (decision or await self._live.authority.may_read(credential, namespace)).allowed
        except (DatabaseError, ConsensusError):
            return False

    async def _send(self, held: Held, none_match: str, told: Headers, send: Send) -> int:
        tag = etag(held.revision)
        fresh = bool(none_match) and none_matches(none_match, tag)
        status, body, kind = (304, b"", []) if fresh else (200, held.body, CONTENT_TYPE)
        headers = [
            *kind,
            (b"etag", tag.encode()),
            *self._node,
            *told,
            *FRAME,
            (b"content-length", b"%d" % len(body)),
            *POLICY,
        ]
        self.answered += 1
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return status
