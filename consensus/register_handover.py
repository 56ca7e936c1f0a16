"""Carrying registers over in a joint membership, at whoever leads; and erasing what was deleted long ago.

The order is that of `paxos.node`: a page of names from a quorum of the joint membership, then every name of it chosen
again under it; when all pages are through, the old majority may be let go. A leader that dies leaves this to the next
one, which begins anew: what is carried over twice is the same.
"""

from collections.abc import Callable

from consensus.paxos.node import Outcome, PaxosNode
from consensus.paxos.work import Kind

AT_ONCE = 64
# As long as a change may be asked again with its request id (register.RECENT_IDS).
TOMBSTONES_KEPT_MS = 600_000
ERASE_EVERY_MS = 10_000

# Hands a request to the Paxos node under a context of its own; its outcome goes to the second function.
Ask = Callable[[Callable[[int], None], Callable[[Outcome], None]], None]


class Handover:
    """One joint membership. ``done`` once every register is held by a majority of the new voters as well."""

    def __init__(self, paxos: PaxosNode, ask: Ask):
        self.version = paxos.membership.version
        self.done = False
        self._paxos = paxos
        self._ask = ask
        self._names: list[str] = []
        self._running = 0
        self._after = ""
        self._more = True

    def step(self, now_ms: int) -> None:
        """Ask for what comes next. A request that failed is asked again."""
        if self.done:
            return
        # What fails at once is put back, and is not to be taken again before the next step.
        names, self._names = self._names, []
        while names and self._running < AT_ONCE:
            self._carry(names.pop(), now_ms)
        self._names += names
        if self._names or self._running:
            return
        if not self._more:
            self.done = True
            return
        self._running = 1
        self._ask(lambda context: self._paxos.list_registers(context, self._after, now_ms), self._listed)

    def _carry(self, name: str, now_ms: int) -> None:
        self._running += 1

        def carried(outcome: Outcome) -> None:
            self._running -= 1
            if outcome.kind is not Kind.DONE:
                self._names.append(name)

        self._ask(lambda context: self._paxos.carry_over(context, name, now_ms), carried)

    def _listed(self, outcome: Outcome) -> None:
        self._running = 0
        if outcome.kind is Kind.DONE:
            self._names = list(outcome.names)
            self._after = outcome.names[-1] if outcome.names else self._after
            self._more = outcome.more


class Eraser:
    """Removes tombstones for good, a while after the deletion."""

    def __init__(self, ask: Ask):
        self._ask = ask
        self._seen_ms: dict[str, int] = {}
        self._next_ms = 0

    def step(self, paxos: PaxosNode, now_ms: int, leads: bool) -> bool:
        """Whether it was time to look."""
        if now_ms < self._next_ms:
            return False
        self._next_ms = now_ms + ERASE_EVERY_MS
        tombstones = paxos.tombstones()
        self._seen_ms = {name: self._seen_ms.get(name, now_ms) for name in tombstones}
        due = [name for name, seen_ms in self._seen_ms.items() if now_ms - seen_ms >= TOMBSTONES_KEPT_MS]
        for name in due[:AT_ONCE] if leads else []:
            # Not possible while a member is away: it is due again next time.
            self._ask(lambda context, name=name: paxos.erase(context, name, now_ms), lambda outcome: None)
        return True
