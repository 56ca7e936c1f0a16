"""What clients did and were told, as JSON lines.

One line an operation: ``process, op, key, arg, result, start_ns, end_ns, node``. Times are of the machine's monotonic
clock. ``result`` is ``"unknown"`` (then ``end_ns`` is null: it may take effect at any time after its start, or never),
``"failed"`` (certainly not done), or an object:

| op | arg | result |
|---|---|---|
| read | | ``{"value", "revision", "version"}`` or ``{"absent": true}`` |
| stale_read | | the same, and ``"applied"``: the revision that the node said it is at |
| write | ``{"value"}`` | ``{"revision", "version"}`` |
| cas | ``{"expected", "value"}``, 0 for "must not exist" | as write, or ``{"mismatch": current revision or 0}`` |
| delete | | ``{"revision"}`` or ``{"absent": true}`` |
| txn | ``{"compare": [{"key", "revision"}], "then": [{"op", "key", "value"?}], "else": […]}`` | |

A txn has no key of its own: ``key`` is null. It answers ``{"succeeded", "revision", "results"}``, one result for each
part of the branch that was done, in the forms above. A read may also hold ``"applied"``. Every process is sequential;
one that does not know the outcome of its operation goes on under a new number.
"""

from collections.abc import Iterable
from pathlib import Path

import msgspec

UNKNOWN, FAILED = "unknown", "failed"


class Operation(msgspec.Struct, frozen=True):
    process: int
    op: str
    key: str | None
    arg: dict
    result: dict | str
    start_ns: int
    end_ns: int | None
    node: str = ""

    @property
    def known(self) -> bool:
        return self.result != UNKNOWN

    @property
    def failed(self) -> bool:
        return self.result == FAILED

    def touches(self) -> set[str]:
        """Every key it touches."""
        if self.op != "txn":
            return {str(self.key)}
        parts = (*self.arg["compare"], *self.arg["then"], *self.arg["else"])
        return {part["key"] for part in parts}


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Operation)


def encode(operation: Operation) -> bytes:
    """One line, without its end."""
    return _encoder.encode(operation)


def save(path: Path, operations: Iterable[Operation]) -> None:
    path.write_bytes(b"".join(encode(operation) + b"\n" for operation in operations))


def load(path: Path) -> list[Operation]:
    """In the order of their starts. Raises `ValueError` for a line that is no operation."""
    operations = []
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            operation = _decoder.decode(line)
            _check(operation)
        except (msgspec.DecodeError, ValueError) as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        operations.append(operation)
    return sorted(operations, key=lambda operation: operation.start_ns)


def _check(operation: Operation) -> None:
    if operation.op not in ("read", "stale_read", "write", "cas", "delete", "txn"):
        raise ValueError(f"no such op: {operation.op}")
    if isinstance(operation.result, str) and operation.result not in (UNKNOWN, FAILED):
        raise ValueError(f"no such result: {operation.result}")
    if operation.known != (operation.end_ns is not None):
        raise ValueError("an operation has no end exactly if its outcome is unknown")
    if operation.end_ns is not None and operation.end_ns < operation.start_ns:
        raise ValueError("an operation ends before it starts")
