"""Who may read what, remembered until anything about accounts changes, or for a minute.

The rules are not here: ``decide`` asks them, in a thread, since they read the database.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from typing import NamedTuple

MOST_REMEMBERED = 10_000
REMEMBERED_S = 60.0
# Asked for in the place of a namespace, whose name it cannot be.
SWITCHES = "switches/"


class Credential(NamedTuple):
    """What a request shows: its ``Authorization`` and its ``Cookie`` header, "" where there is none."""

    authorization: str
    cookie: str = ""


class Decision(NamedTuple):
    """``throttled_by`` names who is counted; ``lasts_s`` is how long it holds at most, None without a bound.

    ``problem`` is why not.
    """

    allowed: bool
    throttled_by: str = ""
    lasts_s: float | None = None
    problem: str = ""


class Authority:
    """``decide`` is asked about a namespace, about "" (whether the caller may ask at all), or about `SWITCHES`."""

    def __init__(self, decide: Callable[[Credential, str], Decision], pool: Executor):
        self._decide = decide
        self._pool = pool
        self._remembered: OrderedDict[tuple[Credential, str], tuple[Decision, float]] = OrderedDict()
        self._generation = 0

    def known(self, credential: Credential, namespace: str) -> Decision | None:
        """What was decided, if it still holds."""
        found = self._remembered.get((credential, namespace))
        return found[0] if found is not None and found[1] > time.monotonic() else None

    async def may_read(self, credential: Credential, namespace: str) -> Decision:
        """Never older than what this process knew of accounts when asked."""
        while True:
            if (found := self.known(credential, namespace)) is not None:
                return found
            generation, asked_s = self._generation, time.monotonic()
            decision = await asyncio.get_running_loop().run_in_executor(self._pool, self._decide, credential, namespace)
            if generation == self._generation:
                lasts_s = min(REMEMBERED_S, REMEMBERED_S if decision.lasts_s is None else decision.lasts_s)
                self._remember((credential, namespace), decision, asked_s + lasts_s)
                return decision

    def _remember(self, key: tuple[Credential, str], decision: Decision, until_s: float) -> None:
        self._remembered[key] = (decision, until_s)
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def forget(self) -> None:
        """Anything about accounts has changed."""
        self._generation += 1
        self._remembered.clear()
