"""What the clients of a run do: a stream of operations over keys that change with time.

Transactions tie keys together, and what is tied has to be decided in one search. So each stays within a *family* of the
keys in use, and some keys are in none: they are decided by themselves, as far as ever.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

NAMESPACE = "linearizability"
KEYS_AT_A_TIME = 8
KEYS_CHANGE_EVERY_S = 4.0
FAMILY = 3
FAMILIES = 2
WEIGHTS = {"read": 8, "stale_read": 3, "write": 6, "cas": 5, "delete": 1, "txn": 5}


@dataclass(frozen=True)
class Assignment:
    """What the recording process of one node has to do."""

    node: str
    url: str
    token: str
    path: str  # of the file that takes the history
    rest: int  # how many clients of each kind
    native: int
    first_process: int
    started_ns: int
    pause_s: float  # the longest pause of a client between two operations
    seed: int


@dataclass
class Workload:
    """Of one client. Values are unique, so that whoever reads one knows who wrote it."""

    name: str
    random: Random
    started_ns: int
    ops: tuple[str, ...] = tuple(WEIGHTS)
    known: dict[str, int] = field(default_factory=dict)  # the revision this client last saw of a key; 0: absent
    numbers: count = field(default_factory=count)

    def next(self) -> tuple[str, str | None, dict]:
        """(op, key, arg)"""
        op = self.random.choices(self.ops, [WEIGHTS[op] for op in self.ops])[0]
        keys = self._keys()
        if op == "txn":
            first = self.random.randrange(FAMILIES) * FAMILY
            return op, None, self._transaction(keys[first : first + FAMILY])
        key = self.random.choice(keys)
        if op == "write":
            return op, key, {"value": self._value()}
        if op == "cas":
            return op, key, {"expected": self.known.get(key, 0), "value": self._value()}
        return op, key, {}

    def _transaction(self, family: Sequence[str]) -> dict:
        """Several keys change together, if they are as this client last saw them; or they are only looked at."""
        compared = self.random.sample(family, self.random.choice((0, 1, 1, 2)))
        compare = [{"key": key, "revision": self.known.get(key, 0)} for key in compared]
        if len(compare) == 2 and self.random.random() < 0.5:
            return {"compare": compare, "then": [], "else": []}
        then = self._parts(self.random.sample(family, self.random.choice((2, 2, FAMILY))))
        return {"compare": compare, "then": then, "else": self._parts(self.random.sample(family, len(compare)))}

    def _parts(self, keys: Sequence[str]) -> list[dict]:
        return [
            {"op": "delete", "key": key}
            if self.random.random() < 0.15
            else {"op": "write", "key": key, "value": self._value()}
            for key in keys
        ]

    def _keys(self) -> list[str]:
        """Those in use now: few at a time, so that clients meet; others later, so that what is unknown stays behind.

        No other run on the same group has used them: the checker takes every key to be absent at first.
        """
        phase = int((time.monotonic_ns() - self.started_ns) / 1e9 / KEYS_CHANGE_EVERY_S)
        return [f"{self.started_ns}/{phase}/{i}" for i in range(KEYS_AT_A_TIME)]

    def _value(self) -> str:
        return f"{self.name}-{next(self.numbers)}"

    def learn(self, op: str, key: str | None, arg: dict, result: dict | str) -> None:
        """Remember what an answer tells of a key's revision, for the next compare-and-set."""
        if isinstance(result, str):
            return
        if op == "txn":
            branch = arg["then" if result["succeeded"] else "else"]
            for part, told in zip(branch, result["results"], strict=True):
                self.learn(part["op"], part["key"], part, told)
        elif key is None:
            raise ValueError(f"{op} of no key")
        elif op == "delete" or result.get("absent"):
            self.known[key] = 0
        else:
            self.known[key] = result.get("revision", result.get("mismatch", 0))
