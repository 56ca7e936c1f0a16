"""A plain sequential service and histories made with it, for testing the checker: shares no code with the model."""

from dataclasses import dataclass, field
from itertools import count
from random import Random

from tests.linearizability.history import UNKNOWN, Operation

Entry = tuple[object, int, int]


@dataclass
class Service:
    """Executes one operation after the other; every change takes the next revision."""

    entries: dict[str, Entry] = field(default_factory=dict)
    revision: int = 0
    changed: dict[str, int] = field(default_factory=dict)  # the revision of each key's last change

    def execute(self, op: str, key: str | None, arg: dict) -> dict:
        if op == "txn":
            return self._transact(arg)
        match op:
            case "read":
                return self._read(str(key)) | {"applied": self.revision}
            case "cas" if arg["expected"] != self._revision_of(str(key)):
                return {"mismatch": self._revision_of(str(key))}
            case "write" | "cas":
                self.revision += 1
                return self._write(str(key), arg["value"])
        self.revision += 1
        return self._delete(str(key))

    def _transact(self, arg: dict) -> dict:
        succeeded = all(part["revision"] == self._revision_of(part["key"]) for part in arg["compare"])
        self.revision += 1
        results = []
        for part in arg["then" if succeeded else "else"]:
            match part["op"]:
                case "read":
                    results.append(self._read(part["key"]))
                case "write":
                    results.append(self._write(part["key"], part["value"]))
                case _:
                    results.append(self._delete(part["key"]))
        return {"succeeded": succeeded, "revision": self.revision, "results": results}

    def _revision_of(self, key: str) -> int:
        return self.entries[key][1] if key in self.entries else 0

    def _read(self, key: str) -> dict:
        if key not in self.entries:
            return {"absent": True}
        value, revision, version = self.entries[key]
        return {"value": value, "revision": revision, "version": version}

    def _write(self, key: str, value: object) -> dict:
        version = self.entries[key][2] + 1 if key in self.entries else 1
        self.entries[key] = (value, self.revision, version)
        self.changed[key] = self.revision
        return {"revision": self.revision, "version": version}

    def _delete(self, key: str) -> dict:
        if self.entries.pop(key, None) is None:
            return {"absent": True}
        self.changed[key] = self.revision
        return {"revision": self.revision}


class Generator:
    """Operations that take effect one after the other, with starts and ends spread around the moment they do.

    Some never hear their outcome; of those, some never happen. Transactions stay among ``family`` neighbours.
    """

    def __init__(self, random: Random, keys: list[str], spread: int = 40, unknown: float = 0.15, family: int = 3):
        self._random = random
        self._keys = keys
        self._spread = spread
        self._unknown = unknown
        self._family = family
        self._values = count(1)
        self.service = Service()

    def history(self, length: int) -> list[Operation]:
        made = [self._one(process) for process in range(length)]
        return sorted(made, key=lambda operation: operation.start_ns)

    def _one(self, process: int) -> Operation:
        op = self._random.choices(
            ["read", "write", "cas", "delete", "txn"], [6, 4, 4, 1, 1 if len(self._keys) > 1 else 0]
        )[0]
        key = self._random.choice(self._keys)
        now_ns = (process + 1) * 10
        start_ns = now_ns - self._random.randint(1, self._spread)
        arg = self._argument(op, key)
        if op != "read" and self._random.random() < self._unknown:
            if self._random.random() < 0.6:
                self.service.execute(op, key, arg)
                start_ns -= self._random.choice([0, self._spread * 5])
            return Operation(process, op, None if op == "txn" else key, arg, UNKNOWN, start_ns, None)
        result = self.service.execute(op, key, arg)
        end_ns = now_ns + self._random.randint(1, self._spread)
        return Operation(process, op, None if op == "txn" else key, arg, result, start_ns, end_ns)

    def _argument(self, op: str, key: str) -> dict:
        match op:
            case "write":
                return {"value": next(self._values)}
            case "cas":
                return {"expected": self._guess(key), "value": next(self._values)}
            case "txn":
                compare = [{"key": one, "revision": self._guess(one)} for one in self._some_of(key, 0)]
                then = [self._part(one) for one in self._some_of(key, 0 if compare else 1)]
                return {"compare": compare, "then": then, "else": [self._part(one) for one in self._some_of(key, 0)]}
        return {}

    def _some_of(self, key: str, fewest: int) -> list[str]:
        """Up to three of the family of ``key``, mostly two; none: nothing is compared, or done."""
        first = self._keys.index(key) // self._family * self._family
        family = self._keys[first : first + self._family]
        count = self._random.choices([fewest, 1, 2, 3], [1, 2, 4, 1])[0]
        return self._random.sample(family, min(count, len(family)))

    def _part(self, key: str) -> dict:
        op = self._random.choice(["write", "write", "read", "delete"])
        return {"op": op, "key": key} | ({"value": next(self._values)} if op == "write" else {})

    def _guess(self, key: str) -> int:
        """Mostly the right revision."""
        entry = self.service.entries.get(key)
        right = entry[1] if entry else 0
        return right if self._random.random() < 0.7 else self._random.randint(0, self.service.revision + 1)
